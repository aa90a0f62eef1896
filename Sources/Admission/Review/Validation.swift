import CertificateAPI
import KubeModel
import Wire

/// Every rule for objects of our kinds, by kind: pure, so that a request can be judged again from a log.
package enum Validation {
    /// Judges a request. What is none of our business is allowed, whatever it says.
    package static func judge(_ request: AdmissionRequest) -> Judgement {
        guard request.operation == .create || request.operation == .update else { return .nothing }
        switch (request.group, request.resource, request.subresource) {
        case (Names.group, Certificate.resource.plural, ""): return judge(request, CertificateAdmission.self)
        case (Names.group, CertificateRequest.resource.plural, ""),
            (Names.group, CertificateRequest.resource.plural, "status"):
            return judge(request, RequestAdmission.self)
        case (Names.group, Issuer.resource.plural, ""): return judge(request, IssuerAdmission<Issuer>.self)
        case (Names.group, ClusterIssuer.resource.plural, ""):
            return judge(request, IssuerAdmission<ClusterIssuer>.self)
        case (Names.acmeGroup, Order.resource.plural, ""), (Names.acmeGroup, Order.resource.plural, "status"):
            return judge(request, OrderAdmission.self)
        case (Names.acmeGroup, Challenge.resource.plural, ""): return judge(request, ChallengeAdmission.self)
        default: return .nothing
        }
    }

    private static func judge<Rules: KindAdmission>(_ request: AdmissionRequest, _ rules: Rules.Type) -> Judgement {
        do throws(ValueDecodingError) {
            let object = try request.object.decode(Rules.Object.self)
            guard request.operation == .update else { return rules.create(object, request) }
            // An object that is going away may be let go of whatever it says: else its finalizers would stay for ever.
            if object.metadata.isBeingDeleted, request.specIsUnchanged { return .nothing }
            return rules.update(from: try request.oldObject.decode(Rules.Object.self), to: object, request)
        } catch {
            // What was stored before by looser rules may still change in its metadata.
            if request.operation == .update, request.specIsUnchanged { return .nothing }
            return Judgement(problems: [error.asProblem])
        }
    }
}

/// The rules of one kind.
protocol KindAdmission {
    associatedtype Object: KubeObject
    static func create(_ object: Object, _ request: AdmissionRequest) -> Judgement
    static func update(from old: Object, to new: Object, _ request: AdmissionRequest) -> Judgement
}

extension AdmissionRequest {
    var specIsUnchanged: Bool { object["spec"] == oldObject["spec"] && object["status"] == oldObject["status"] }
}

extension ValueDecodingError {
    /// The API server's schema refuses most of these before we are asked.
    fileprivate var asProblem: FieldProblem {
        let path = FieldPath(path.isEmpty ? "spec" : path)
        return reason == "is required" ? .required(path) : FieldProblem(path, .invalid(value: "<snip>", reason))
    }
}
