import KubeModel
import Testing

@testable import Controllers

@Suite("Routine events")
struct RoutineEventsTests {
    @Test("what only repeats a condition or a new object is left out; the story and every warning stay")
    func choice() {
        let all: [(Event.Kind, String, String)] = [
            (.normal, "Issuing", CertificateReconciler.component),
            (.normal, "Generated", CertificateReconciler.component),
            (.normal, "Requested", CertificateReconciler.component),
            (.warning, "Requested", CertificateReconciler.component),
            (.normal, "cert-manager.io", RequestReconciler.component),
            (.normal, "OrderCreated", ACMERequestReconciler.component),
            (.normal, "CertificateIssued", ACMERequestReconciler.component),
            (.warning, "OrderFailed", ACMERequestReconciler.component),
            (.normal, "Created", OrderReconciler.component),
            (.normal, "Complete", OrderReconciler.component),
            (.normal, "Presented", ChallengeReconciler.component),
            (.normal, "DomainVerified", ChallengeReconciler.component),
        ]
        #expect(
            all.filter { !RoutineEvents.includes($0.0, $0.1, $0.2) }.map { "\($0.0) \($0.1)" } == [
                "normal Issuing", "warning Requested", "normal OrderCreated", "warning OrderFailed",
                "normal Presented", "normal DomainVerified",
            ])
    }
}
