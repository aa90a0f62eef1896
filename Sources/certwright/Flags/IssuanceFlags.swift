import ArgumentParser
import Controllers

/// How orders are made at ACME CAs.
struct IssuanceFlags: ParsableArguments {
    @Option(
        help: """
            What is done where CAA records, the clock, a missing address or a DNS zone that cannot be written will keep an \
            ACME CA from issuing: off does not look, warn tells, enforce makes no order before it is mended.
            """)
    var preflight = PreflightMode.warn
}

extension PreflightMode: ExpressibleByArgument {}
