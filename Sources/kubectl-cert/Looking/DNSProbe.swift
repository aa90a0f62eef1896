import CertificateAPI
import DNSWire
import Diagnosis
import NIOPosix

/// Asks every name server of a zone for the TXT record of a challenge.
struct DNSProbe: Sendable {
    private let resolver = Resolver(
        servers: ResolvConf.system().servers,
        client: DNSClient(group: MultiThreadedEventLoopGroup.singleton, timeout: .seconds(2)), rounds: 1)

    func look(for challenge: Challenge) async -> DNSSight {
        let text = "_acme-challenge.\(challenge.spec.dnsName)"
        do throws(DNSError) {
            guard let name = try? DNSName(text) else {
                return DNSSight(name: text, answer: .failed("it is no DNS name"))
            }
            let target = try await resolver.followAliases(from: name).target
            let servers = try await resolver.authoritativeServers(of: try await resolver.findZone(of: target))
            var sentences: [String] = []
            for server in servers {
                if let sentence = await problem(at: server, target, challenge.spec.key) { sentences.append(sentence) }
            }
            return DNSSight(name: target.text, answer: sentences.isEmpty ? .shown : .notShown(sentences))
        } catch {
            return DNSSight(name: text, answer: .failed("\(error)"))
        }
    }

    /// Nil where the server shows the record.
    private func problem(at server: NameServer, _ name: DNSName, _ value: String) async -> String? {
        guard let address = server.addresses.first else { return "\(server.host.text) has no address" }
        do throws(DNSError) {
            let answer = try await resolver.client.query(name, .txt, at: .plain(address), recursionDesired: false)
            let values = answer.answers(of: .txt, at: name).compactMap(\.data.text)
            if values.contains(value) { return nil }
            return values.isEmpty
                ? "\(server.host.text) shows none (\(answer.responseCode))"
                : "\(server.host.text) shows \(values.count) other"
        } catch {
            return "\(server.host.text): \(error)"
        }
    }
}
