import CertificateAPI

enum OrderAdmission: KindAdmission {
    static func create(_ object: Order, _ request: AdmissionRequest) -> Judgement { .nothing }

    static func update(from old: Order, to new: Order, _ request: AdmissionRequest) -> Judgement {
        Judgement(problems: Order.problems(changing: old, to: new))
    }
}

enum ChallengeAdmission: KindAdmission {
    static func create(_ object: Challenge, _ request: AdmissionRequest) -> Judgement { .nothing }

    static func update(from old: Challenge, to new: Challenge, _ request: AdmissionRequest) -> Judgement {
        Judgement(problems: Challenge.problems(changing: old, to: new))
    }
}
