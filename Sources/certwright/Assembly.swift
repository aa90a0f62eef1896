import ArgumentParser
import Logging
import Operations

/// Puts the parts of `certwright controller` together and runs them until the process is told to stop.
struct Assembly {
    let flags: ControllerCommand

    func run() async throws {
        let logger = Logger(label: "certwright") { [logging = flags.logging] label in
            StructuredLogHandler(
                label: label, format: logging.loggingFormat, level: .init(verbosity: logging.verbosity))
        }
        logger.info("Starting.", metadata: ["version": "\(Version.text)"])
    }
}
