import ACME
import CertificateAPI
import PKI
import Wire

/// Asks the server one question about an Order, beside the workers.
struct OrderWork: Sendable {
    let client: ACMEClient
    let question: OrderQuestion
    let spec: Order.Spec
    let url: String
    let finalizeURL: String
    let options: IssuerOptions
    let preference: ChainPreference
    /// No certificate may have one of these.
    let accountKeys: Set<PublicKey>
    /// URLs of orders that other Orders stand for.
    var taken: Set<String> = []
    let time: any TimeSource

    func run() async -> OrderNews {
        var news = OrderNews(question: question)
        do throws(ACMEError) {
            switch question {
            case .create(let order), .resume(let order):
                var known: ACMEOrder?
                if case .resume = question { known = try await unfinished(order) }
                let made: ACMEOrder
                if let known { made = known } else { made = try await create(order) }
                // Its URL is written down before anything else is asked, so that no other order is made in its place.
                news.order = made
                if made.status == .valid { try await download(made, &news) }
            case .authorizations(let urls): try await read(urls, &news)
            case .finalize:
                let order = try await finalize()
                news.order = order
                try await download(order, &news)
            case .look:
                let order = try await client.order(url, as: .waitOrder)
                news.order = order
                try await download(order, &news)
            case .giveUp(let urls):
                for url in urls { try await client.deactivateAuthorization(url) }
            }
        } catch {
            news.failure = error
        }
        return news
    }

    /// How many orders are looked at in search of one.
    private static let searchLimit = 20

    /// The same order, made before by somebody who did not live to write down its URL; nil where there is none, and where
    /// the server does not tell of orders.
    private func unfinished(_ wanted: NewACMEOrder) async throws(ACMEError) -> ACMEOrder? {
        let all: [String]
        do {
            all = try await client.orderURLs().filter { !taken.contains($0) }
        } catch {
            if error.mayPass { throw error }
            return nil
        }
        // A server may have them newest first or last.
        let half = Self.searchLimit / 2
        let candidates =
            all.count > Self.searchLimit ? all.suffix(half).reversed() + all.prefix(half) : all.reversed()
        for url in candidates {
            let order: ACMEOrder
            do {
                order = try await client.order(url)
            } catch {
                if error.mayPass { throw error }
                continue
            }
            let isOpen = order.status == .pending || order.status == .ready
            let hasTime = order.expires.map { $0 > time.now() } ?? true
            let suits = wanted.profile == nil || order.profile == nil || order.profile == wanted.profile
            if isOpen, hasTime, suits, Set(order.identifiers) == Set(wanted.identifiers) { return order }
        }
        return nil
    }

    private func create(_ order: NewACMEOrder) async throws(ACMEError) -> ACMEOrder {
        var order = order
        // RFC 9773 §5: only a server that tells of renewals understands the member.
        if order.replaces != nil, try await client.server.directory().renewalInfo == nil { order.replaces = nil }
        do {
            return try await make(order)
        } catch {
            guard order.replaces != nil, error.mayBeAboutPredecessor else { throw error }
            order.replaces = nil
            return try await make(order)
        }
    }

    /// Without its profile where that was only preferred and the server will not have it.
    private func make(_ order: NewACMEOrder) async throws(ACMEError) -> ACMEOrder {
        do {
            return try await client.newOrder(order)
        } catch {
            guard options.profileIsPreferred, order.profile != nil, error.isAboutProfile else { throw error }
            var order = order
            order.profile = nil
            return try await client.newOrder(order)
        }
    }

    /// A hundred names take a hundred requests: a few at a time.
    private func read(_ urls: [String], _ news: inout OrderNews) async throws(ACMEError) {
        var rest = urls[...]
        while !rest.isEmpty {
            let batch = rest.prefix(8)
            rest = rest.dropFirst(8)
            let results = await withTaskGroup(of: (Int, Result<ACMEAuthorization, ACMEError>).self) { group in
                for (index, url) in zip(batch.indices, batch) {
                    group.addTask { [client] in (index, await client.readAuthorization(url)) }
                }
                var results: [(Int, Result<ACMEAuthorization, ACMEError>)] = []
                for await result in group { results.append(result) }
                return results.sorted { $0.0 < $1.0 }.map(\.1)
            }
            for result in results {
                if case .success(let authorization) = result { news.authorizations.append(authorization) }
            }
            for result in results { _ = try result.get() }
        }
    }

    private func finalize() async throws(ACMEError) -> ACMEOrder {
        let request = try signingRequest()
        do {
            return try await client.finalize(
                finalizeURL, orderURL: url, request: request, knownAccountKeys: accountKeys)
        } catch {
            // Finalized before, by ourselves or a predecessor, or the server has not caught up: the order tells. Servers
            // call it by other names too.
            guard let refusal = error.refusal, refusal.status == 403 || refusal.problem.type == .orderNotReady else {
                throw error
            }
            let order = try await client.order(url, as: .waitOrder)
            let isFinalized = order.status == .processing || order.status == .valid
            guard isFinalized || refusal.problem.type == .orderNotReady else { throw error }
            return order
        }
    }

    private func download(_ order: ACMEOrder, _ news: inout OrderNews) async throws(ACMEError) {
        guard order.status == .valid else { return }
        guard let url = order.certificate else { throw .malformed("a valid order has no certificate URL") }
        let chain = try await client.certificate(url, preference: preference)
        do {
            let identifiers = try OrderDecision.identifiers(of: spec)
            try chain.check(against: try signingRequest(), identifiers: Set(identifiers), now: time.now())
        } catch let error as ACMEError {
            throw error
        } catch {
            throw .configuration("\(error)")
        }
        news.certificate = chain.pem
        news.isPreferredChain = chain.isPreferred
    }

    /// The request of the spec, PEM or DER.
    private func signingRequest() throws(ACMEError) -> SigningRequest {
        let bytes = spec.request.bytes
        do {
            return bytes.starts(with: "-----".utf8) ? try SigningRequest(pem: bytes) : try SigningRequest(der: bytes)
        } catch {
            throw .key(error)
        }
    }
}

extension ACMEError {
    /// Whether the same order may be had without naming the certificate it follows: that was replaced already
    /// (RFC 9773 §5), or is none of this server's. Servers vary in what they call it.
    fileprivate var mayBeAboutPredecessor: Bool {
        guard let refusal, refusal.limitScope == nil else { return false }
        switch refusal.problem.type {
        case .alreadyReplaced, .malformed, .unauthorized, .conflict: return true
        case .serverInternal: return refusal.status == 500
        default: return refusal.status == 404
        }
    }
}

extension ACMEError {
    /// Whether the server may well answer the same question a little later.
    fileprivate var mayPass: Bool {
        switch self {
        case .transport, .cancelled: true
        case .problem(let refusal): refusal.status >= 500 || refusal.status == 429
        default: false
        }
    }

    fileprivate var isAboutProfile: Bool {
        if case .profileNotAdvertised = self { return true }
        return refusal?.problem.type == .invalidProfile
    }
}

extension ACMEClient {
    fileprivate func readAuthorization(_ url: String) async -> Result<ACMEAuthorization, ACMEError> {
        do throws(ACMEError) { return .success(try await authorization(url)) } catch { return .failure(error) }
    }
}
