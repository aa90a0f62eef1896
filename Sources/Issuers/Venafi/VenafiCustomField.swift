import Wire

/// One custom field of a certificate object, from the annotation `venafi.cert-manager.io/custom-fields`.
struct VenafiCustomField: Sendable, Hashable {
    var name: String
    var values: [String]

    struct Malformed: Error, Sendable, Hashable {
        let sentence: String
    }

    /// The fields of several texts, each an array of `{"name": …, "value": …}`; what a later text names, it replaces.
    static func parse(_ texts: [String]) throws(Malformed) -> [VenafiCustomField] {
        var fields: [VenafiCustomField] = []
        for text in texts {
            let own = try parse(text)
            fields.removeAll { field in own.contains { $0.name == field.name } }
            fields += own
        }
        return fields
    }

    /// One name may come several times, with a value each.
    private static func parse(_ text: String) throws(Malformed) -> [VenafiCustomField] {
        let annotation = "The annotation venafi.cert-manager.io/custom-fields"
        guard let items = (try? JSONValue(parsing: Array(text.utf8)))?.arrayValue else {
            throw Malformed(sentence: "\(annotation) must be a JSON array of objects with name and value")
        }
        var fields: [VenafiCustomField] = []
        for (index, item) in items.enumerated() {
            guard let name = item["name"]?.stringValue, !name.isEmpty, let value = item["value"]?.stringValue else {
                throw Malformed(sentence: "\(annotation): entry \(index) must have a name and a value, both texts")
            }
            let type = item["type"]?.stringValue ?? ""
            guard type.isEmpty || type == "Plain" else {
                throw Malformed(
                    sentence: "\(annotation): the type of entry \(index) is unknown; leave it out for a custom field")
            }
            if let known = fields.firstIndex(where: { $0.name == name }) {
                fields[known].values.append(value)
            } else {
                fields.append(VenafiCustomField(name: name, values: [value]))
            }
        }
        return fields
    }
}
