package import ACME
package import HTTPTransport
import HTTPTypes
package import PKI
package import Wire

/// One challenge to look at.
package struct ValidationTask: Sendable, Hashable {
    package var kind: ChallengeKind
    package var identifier: ACMEIdentifier
    package var token: String
    package var accountKey: PublicKey

    /// RFC 8555 §8.1.
    package var keyAuthorization: String { "\(token).\(accountKey.thumbprint)" }
}

/// Looks at challenges from where the machines that ask can be seen.
package protocol ChallengeValidator: Sendable {
    /// Nil where the control of the name is shown. It takes no longer than ``NetworkValidator/limit`` says.
    func problem(of task: ValidationTask) async -> ServerProblem?
}

/// Looks over the network.
package struct NetworkValidator: ChallengeValidator {
    package struct Settings: Sendable {
        package var httpPort = 80
        package var tlsPort = 443
        /// For one look.
        package var timeout = Duration.seconds(20)
        /// A machine may not be there at once, and a record not everywhere: so often, with pauses between.
        package var attempts = 3
        package var pause = Duration.seconds(3)

        package init() {}
    }

    /// Longer than all looks at one challenge take with the settings' defaults: who began longer ago has died.
    package static let limit = Duration.seconds(90)

    private let settings: Settings
    private let finder: AddressFinder
    private let transport: any HTTPTransport
    private let time: any TimeSource

    package init(
        settings: Settings, finder: AddressFinder, transport: any HTTPTransport, time: any TimeSource = SystemTime()
    ) {
        self.settings = settings
        self.finder = finder
        self.transport = transport
        self.time = time
    }

    package func problem(of task: ValidationTask) async -> ServerProblem? {
        for attempt in 1... {
            guard let problem = await look(task) else { return nil }
            // An answer that is wrong is one; only what was not there, or may still spread, is looked for again.
            let mayPass = problem.type == .connection || problem.type == .dns || task.kind == .dns01
            guard mayPass, attempt < settings.attempts else { return problem }
            do { try await time.sleep(for: settings.pause) } catch { return problem }
        }
        preconditionFailure("the loop over attempts has no end of its own")
    }

    private func look(_ task: ValidationTask) async -> ServerProblem? {
        switch task.kind {
        case .http01:
            await HTTP01Validation(
                transport: transport, finder: finder, port: settings.httpPort, limit: settings.timeout, time: time
            ).problem(of: task.identifier, token: task.token, keyAuthorization: task.keyAuthorization)
        case .tlsALPN01:
            await TLSALPN01Validation(
                finder: finder, port: settings.tlsPort, limit: min(settings.timeout, .seconds(10))
            ).problem(of: task.identifier, keyAuthorization: task.keyAuthorization)
        case .dns01:
            await DNS01Validation(resolver: finder.resolver).problem(
                of: task.identifier, keyAuthorization: task.keyAuthorization)
        }
    }
}
