import CertificateAPI

enum RequestAdmission: KindAdmission {
    static func create(_ object: CertificateRequest, _ request: AdmissionRequest) -> Judgement {
        guard request.subresource.isEmpty else { return .nothing }
        return Judgement(problems: object.problems + Identity.problems(in: object.spec, from: request.user))
    }

    static func update(
        from old: CertificateRequest, to new: CertificateRequest, _ request: AdmissionRequest
    ) -> Judgement {
        var judgement = Judgement(problems: CertificateRequest.problems(changing: old, to: new))
        if request.subresource == "status", CertificateRequest.newDecision(changing: old, to: new) {
            judgement.approval = ApprovalQuestion(
                user: request.user, issuer: new.spec.issuerRef, namespace: request.namespace)
        }
        return judgement
    }
}
