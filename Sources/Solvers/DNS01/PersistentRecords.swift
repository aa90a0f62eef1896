import ACME
package import CertificateAPI
package import Wire

extension Challenge {
    /// Whether the values of its record's name answer it. A record that persists may be another than the one we would
    /// write, as long as it does what ours would: for a wildcard too, say, or until a day that is far enough away.
    package func recordMatch(at now: Timestamp) -> @Sendable ([String]) -> Bool {
        let value = spec.key
        guard isPersistent, let wanted = PersistentRecord(value) else { return { $0.contains(value) } }
        let names = PersistOffer.listedNames(in: spec.token) + [wanted.issuerName]
        return { values in
            values.contains { PersistentRecord($0)?.serves(wanted, issuerNames: names, at: now) == true }
        }
    }

    /// What a person is asked to do, as the beginning of a sentence.
    package var recordWish: String {
        "create the TXT record \(recordName ?? "") with the value \"\(spec.key)\""
            + (isPersistent ? " and leave it there" : ", beside those that are there")
    }
}
