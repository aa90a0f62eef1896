import KubeClient
package import Logging
package import Wire

/// Answers the API server's questions: judges, asks what has to be asked, and says what came of it.
package struct AdmissionService: Sendable {
    private let rights: ApprovalRights
    private let sight: IssuerSight
    private let time: any TimeSource
    private let logger: Logger
    private let observe: @Sendable (Outcome) -> Void

    /// What became of a question.
    package enum Outcome: String, Sendable, CaseIterable {
        case allowed, refused, malformed
    }

    /// The API server waits 10 s unless it is told otherwise; ours is told 30 s.
    private static let patience = Duration.seconds(8)

    package init(
        rights: ApprovalRights, sight: IssuerSight, time: any TimeSource = SystemTime(), logger: Logger,
        observe: @escaping @Sendable (Outcome) -> Void = { _ in }
    ) {
        self.rights = rights
        self.sight = sight
        self.time = time
        self.logger = logger
        self.observe = observe
    }

    /// The answer to the body of `POST /mutate`.
    package func mutate(_ body: [UInt8]) throws(ReviewError) -> [UInt8] {
        let request = try read(body)
        observe(.allowed)
        return AdmissionAnswer(patch: Mutation.patch(request)).review(of: request.uid)
    }

    /// The answer to the body of `POST /validate`.
    package func validate(_ body: [UInt8]) async throws(ReviewError) -> [UInt8] {
        let request = try read(body)
        let answer = await answer(request)
        observe(answer.refusal == nil ? .allowed : .refused)
        return answer.review(of: request.uid)
    }

    private func read(_ body: [UInt8]) throws(ReviewError) -> AdmissionRequest {
        do throws(ReviewError) {
            return try AdmissionRequest(review: body)
        } catch {
            observe(.malformed)
            throw error
        }
    }

    package func answer(_ request: AdmissionRequest) async -> AdmissionAnswer {
        var judgement = Validation.judge(request)
        if judgement.problems.isEmpty, let question = judgement.approval {
            do throws(KubeError) {
                judgement.problems += try await verdict(question).problems(question)
            } catch {
                logger.error("The right to approve cannot be looked up", metadata: ["error": "\(error)"])
                return AdmissionAnswer(refusal: Self.unknownRight)
            }
        }
        if let refusal = judgement.refusal { return AdmissionAnswer(refusal: refusal, warnings: judgement.warnings) }
        if let question = judgement.issuer {
            judgement.warnings += IssuerWarnings.of(question, await sight.look(question))
        }
        return AdmissionAnswer(warnings: judgement.warnings)
    }

    private func verdict(_ question: ApprovalQuestion) async throws(KubeError) -> ApprovalVerdict {
        let result = await withTimeLimit(Self.patience, time: time) {
            [rights] () -> Result<ApprovalVerdict, KubeError> in
            do throws(KubeError) {
                return .success(try await rights.verdict(question))
            } catch {
                return .failure(error)
            }
        }
        guard let result else { throw .cancelled }
        return try result.get()
    }

    private static let unknownRight = AdmissionAnswer.Refusal(
        code: 503, reason: "ServiceUnavailable",
        message: "whether you may approve or deny this request cannot be looked up now; try again")
}
