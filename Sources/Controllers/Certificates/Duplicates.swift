import CertificateAPI
import KubeModel
import Wire

/// Which of several Certificates that name one Secret may write it.
enum Duplicates {
    /// The Certificate the Secret says it belongs to, else the oldest, else the first by name. Nil when there is no
    /// other claim.
    static func owner(_ view: CertificateView) -> String? {
        guard !view.rivals.isEmpty else { return nil }
        let me = Rival(name: view.name, createdAt: view.certificate.metadata.creationTimestamp)
        let claims = view.rivals + [me]
        if let named = view.secret?.certificateName, claims.contains(where: { $0.name == named }) { return named }
        return claims.min { age($0) < age($1) }?.name
    }

    private static func age(_ rival: Rival) -> (Int64, String) {
        (rival.createdAt?.secondsSince1970 ?? .max, rival.name)
    }
}
