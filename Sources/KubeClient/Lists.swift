import HTTPTransport
package import KubeModel
package import Wire

/// A list, its objects still values, so that one malformed object hides no other.
package struct RawList: Sendable {
    package var items: [JSONValue]
    /// Objects nested too deeply to be read: of each only what names it, below `metadata`.
    package var tooDeep: [JSONValue] = []
    /// The version to watch from.
    package var resourceVersion: String
    /// Where the next page begins; nil on the last.
    package var continueToken: String?
}

/// What a list tells beside its items.
package struct ListEnd: Sendable, Equatable {
    /// The version to watch from.
    package var resourceVersion: String
    /// Where the next page begins; nil on the last.
    package var continueToken: String?
}

/// A whole list of one type.
package struct ObjectList<T: KubeObject>: Sendable {
    package struct Malformed: Sendable {
        package var key: ObjectKey?
        package var problem: String
    }
    package var items: [T]
    package var malformed: [Malformed]
    package var resourceVersion: String
}

extension KubeClient {
    /// One page of a list.
    package func page(
        _ resource: ResourceType, _ options: ListOptions, limit: Int = 500, continueToken: String? = nil
    ) async throws(KubeError) -> RawList {
        let request = KubeRequest.list(resource, options, limit: limit, continueToken: continueToken)
        let (value, cut) = try Self.list(try await answer(to: request), request.limits)
        let end = try Self.end(of: value, resource)
        let items = value["items"]?.arrayValue ?? []  // null where the list is empty
        var list = RawList(items: items, resourceVersion: end.resourceVersion, continueToken: end.continueToken)
        guard !cut.isEmpty else { return list }
        list.items = items.indices.filter { !cut.contains($0) }.map { items[$0] }
        list.tooDeep = items.indices.filter(cut.contains).map { ["metadata": items[$0]["metadata"] ?? [:]] }
        return list
    }

    /// One answer of a list, handed to `take` in small lots while the rest still arrives, so that an answer of any size is
    /// read in little memory. Not retried; where it throws, `take` may have had a part.
    ///
    /// With `resourceVersion` "0" the server answers from what it has in memory, as a rule whole whatever the limit.
    /// - Parameters:
    ///   - turn: what shares it is asked for at once and read one after the other.
    ///   - take: gets objects, and of those that are nested too deeply what `RawList.tooDeep` has.
    package func streamPage(
        _ resource: ResourceType, _ options: ListOptions, limit: Int = 500, continueToken: String? = nil,
        resourceVersion: String? = nil, turn: ListTurn? = nil,
        take: (_ items: [JSONValue], _ tooDeep: [JSONValue]) -> Void
    ) async throws(KubeError) -> ListEnd {
        let request = KubeRequest.list(
            resource, options, limit: limit, continueToken: continueToken, resourceVersion: resourceVersion)
        do {
            return try await stream(
                request, lane: .shared, idleLimit: .seconds(60), readAhead: 256 << 10
            ) { body in
                try await turn?.take()
                defer { turn?.giveBack() }
                var framer = ListFramer()
                for try await chunk in body {
                    // What was read ahead comes in one piece, and as values it is many times as large.
                    for start in stride(from: 0, to: chunk.count, by: Self.lotBytes) {
                        let part = chunk[start..<min(start + Self.lotBytes, chunk.count)]
                        var lot: (items: [JSONValue], tooDeep: [JSONValue]) = ([], [])
                        for item in try framer.items(in: part) { try Self.read(item, request.limits, into: &lot) }
                        if !lot.items.isEmpty || !lot.tooDeep.isEmpty { take(lot.items, lot.tooDeep) }
                    }
                }
                return try Self.end(of: JSONValue(parsing: framer.envelope, limits: request.limits), resource)
            }
        } catch {
            throw KubeError(ofStream: error)
        }
    }

    /// How much of a list becomes values before it is handed on.
    private static var lotBytes: Int { 64 << 10 }

    private static func read(
        _ item: [UInt8], _ limits: JSONLimits, into lot: inout (items: [JSONValue], tooDeep: [JSONValue])
    ) throws(JSONError) {
        do throws(JSONError) {
            lot.items.append(try JSONValue(parsing: item, limits: limits))
        } catch .tooDeep {
            let cut = try JSONValue.parsing(cutting: item, limits: limits).value
            lot.tooDeep.append(["metadata": cut["metadata"] ?? [:]])
        }
    }

    private static func end(of list: JSONValue, _ resource: ResourceType) throws(KubeError) -> ListEnd {
        guard let metadata = list["metadata"], let version = metadata["resourceVersion"]?.stringValue else {
            throw .decoding("the list of \(resource.plural) has no metadata.resourceVersion")
        }
        let token = metadata["continue"]?.stringValue ?? ""
        return ListEnd(resourceVersion: version, continueToken: token.isEmpty ? nil : token)
    }

    /// One object that is nested too deeply must not take the others of its page away.
    private static func list(
        _ body: [UInt8], _ limits: JSONLimits
    ) throws(KubeError) -> (value: JSONValue, cut: Set<Int>) {
        do throws(JSONError) {
            do throws(JSONError) {
                return (try JSONValue(parsing: body, limits: limits), [])
            } catch .tooDeep {
                return try JSONValue.parsing(cutting: body, limits: limits)
            }
        } catch {
            throw .decoding("\(error)")
        }
    }

    /// What is wrong with the objects of `RawList.tooDeep`.
    package static let tooDeepProblem = "is nested more than \(JSONLimits.default.depth) levels deep"

    /// Reads a list page by page and hands each to `take`; `restart` says to forget what came so far, because the server
    /// no longer knew where the next page begins. Answers the version to watch from.
    package func pages(
        _ resource: ResourceType, _ options: ListOptions, limit: Int = 500, restart: () -> Void,
        take: (RawList) -> Void
    ) async throws(KubeError) -> String {
        var token: String?
        var restarts = 0
        while true {
            do throws(KubeError) {
                let page = try await page(resource, options, limit: limit, continueToken: token)
                take(page)
                token = page.continueToken
                if token == nil { return page.resourceVersion }
            } catch {
                guard error.isGone, token != nil, restarts < 3 else { throw error }
                restarts += 1
                token = nil
                restart()
            }
        }
    }

    /// The whole list; objects that do not decode are told apart with their key and what is wrong.
    package func listAll<T: KubeObject>(
        _ type: T.Type, _ options: ListOptions = ListOptions()
    ) async throws(KubeError) -> ObjectList<T> {
        var list = ObjectList<T>(items: [], malformed: [], resourceVersion: "")
        list.resourceVersion = try await pages(
            T.resource, options,
            restart: {
                list.items = []
                list.malformed = []
            },
            take: { page in
                list.malformed += page.tooDeep.map { .init(key: $0.objectKey, problem: Self.tooDeepProblem) }
                for value in page.items {
                    do throws(ValueDecodingError) {
                        list.items.append(try value.decode(T.self))
                    } catch {
                        list.malformed.append(.init(key: value.objectKey, problem: "\(error)"))
                    }
                }
            })
        return list
    }
}

extension JSONValue {
    /// The key of an object that may not decode as its type.
    package var objectKey: ObjectKey? {
        guard let metadata = self["metadata"], let name = metadata["name"]?.stringValue else { return nil }
        return ObjectKey(namespace: metadata["namespace"]?.stringValue ?? "", name: name)
    }
}
