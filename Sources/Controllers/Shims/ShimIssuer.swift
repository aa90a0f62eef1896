import CertificateAPI

/// Which issuer an Ingress, a Gateway or a ListenerSet asks for.
enum ShimIssuer {
    private typealias Key = Names.Annotation

    /// Nil when the object asks for no certificate at all.
    static func reference(
        of source: ShimSource, settings: ShimSettings
    ) throws(BadConfiguration) -> IssuerReference? {
        let annotations = source.annotations
        let isNamed = annotations[Key.issuer] != nil || annotations[Key.clusterIssuer] != nil
        let isAutomatic =
            source.heedsAutomaticAnnotations
            && settings.automaticAnnotations.contains { isYes(annotations[$0]) }
        guard isNamed || (isAutomatic && settings.defaultIssuer != nil) else { return nil }
        let clashes = conflicts(in: annotations)
        if !clashes.isEmpty { throw BadConfiguration(clashes.joined(separator: "; ")) }
        var reference = settings.defaultIssuer ?? IssuerReference(name: "")
        if let name = annotations[Key.issuer] { reference = IssuerReference(name: name, kind: "Issuer") }
        if let name = annotations[Key.clusterIssuer] { reference = IssuerReference(name: name, kind: "ClusterIssuer") }
        if let kind = annotations[Key.issuerKind].nonEmpty { reference.kind = kind }
        if let group = annotations[Key.issuerGroup].nonEmpty { reference.group = group }
        if reference.name.isEmpty {
            let key = annotations[Key.issuer] != nil ? Key.issuer : Key.clusterIssuer
            throw BadConfiguration("the annotation \"\(key)\" must name an issuer")
        }
        return reference.normalized
    }

    /// What Go's `strconv.ParseBool` takes for true, which other tools write.
    static func isYes(_ text: String?) -> Bool { ["1", "t", "true"].contains(text?.lowercased()) }

    /// Pairs of annotations that say different things about one question.
    private static func conflicts(in annotations: [String: String]) -> [String] {
        guard annotations[Key.clusterIssuer] != nil else { return [] }
        return [Key.issuer, Key.issuerKind, Key.issuerGroup].filter { annotations[$0] != nil }.map {
            "the annotations \"\(Key.clusterIssuer)\" and \"\($0)\" may not be set both; remove one"
        }
    }
}
