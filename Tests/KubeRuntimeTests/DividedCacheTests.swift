import KubeModel
import TestSupport
import Testing
import Wire

@testable import KubeRuntime

/// A cache that informers of several namespaces fill, each its part.
@Suite("a cache of several namespaces")
struct DividedCacheTests {
    let cache = Cache<Thing>(indexes: ["color": { [$0.color].compactMap { $0 } }])

    init() { cache.divide(into: ["a", "b"]) }

    private func thing(_ name: String, in namespace: String, version: Int, color: String = "red") throws -> Thing {
        try JSONValue.object([
            "metadata": [
                "name": .string(name), "namespace": .string(namespace), "uid": .string(name),
                "resourceVersion": .string("\(version)"),
            ], "color": .string(color),
        ]).decode(Thing.self)
    }

    private func list(_ namespace: String, _ things: [Thing], version: Int) {
        let part = cache.part(of: namespace)
        cache.listStarted(in: part)
        cache.pageArrived(things, unreadable: [], in: part)
        cache.listEnded(version: "\(version)", in: part)
    }

    @Test("it is whole when every namespace has been listed, and is read as one")
    func whole() throws {
        list("a", [try thing("one", in: "a", version: 1)], version: 10)
        #expect(!cache.isSynced)
        list("b", [try thing("two", in: "b", version: 2), try thing("three", in: "b", version: 3)], version: 11)
        #expect(cache.isSynced)
        #expect(cache.count == 3)
        #expect(Set(cache.all().map(\.metadata.name)) == ["one", "two", "three"])
        #expect(cache[ObjectKey(namespace: "b", name: "two")] != nil)
        #expect(cache[ObjectKey(namespace: "a", name: "two")] == nil)
        #expect(cache.inNamespace("b").count == 2)
        #expect(cache.matching(index: "color", value: "red").count == 3)
        #expect(cache.count(index: "color", value: "red") == 3)
    }

    @Test("a list of one namespace takes nothing out of another, and its version confirms no write there")
    func apart() throws {
        list("a", [try thing("one", in: "a", version: 1)], version: 10)
        list("b", [try thing("two", in: "b", version: 2)], version: 11)
        cache.record(try thing("one", in: "a", version: 20, color: "blue"))
        list("b", [], version: 30)
        #expect(cache.all().map(\.metadata.name) == ["one"])
        // older than our write, and of the part that the list of version 30 was not about
        cache.eventArrived(try thing("one", in: "a", version: 15), in: cache.part(of: "a"))
        #expect(cache[ObjectKey(namespace: "a", name: "one")]?.color == "blue")
    }

    @Test("the trouble of one namespace is told although the other is heard")
    func trouble() {
        let (a, b) = (cache.part(of: "a"), cache.part(of: "b"))
        cache.serverFailed("forbidden", in: b)
        cache.serverFailed("forbidden", in: b)
        cache.serverAnswered(in: a)
        #expect(cache.trouble == "forbidden")
        cache.serverAnswered(in: b)
        #expect(cache.trouble == nil)
    }

    @Test("an object of a namespace that is not read is left out")
    func foreign() throws {
        list("a", [], version: 1)
        list("b", [], version: 1)
        cache.record(try thing("three", in: "c", version: 5))
        #expect(cache.count == 0)
    }
}
