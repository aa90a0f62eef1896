package import Wire

/// Everything the decision about one target looks at.
package struct InjectionView: Sendable, Equatable {
    package var places: [BundlePlace]
    /// What the source gave, and what to call it.
    package var authority: Result<CABundle, InjectionProblem>
    package var source: String
    package var now: Timestamp

    package init(
        places: [BundlePlace], authority: Result<CABundle, InjectionProblem>, source: String, now: Timestamp
    ) {
        self.places = places
        self.authority = authority
        self.source = source
        self.now = now
    }
}

package enum InjectionAction: Sendable, Equatable {
    /// Have these bundles stand in their places.
    case write([BundlePlace])
    /// A certificate of the bundle expires then, and is to be taken out.
    case lookAgain(at: Timestamp)
    case complain(InjectionProblem)
}

package enum Injection {
    package static func decide(_ view: InjectionView) -> [InjectionAction] {
        if view.places.isEmpty { return [] }
        switch view.authority {
        case .failure(let problem): return [.complain(problem)]
        case .success(let authority):
            // An expired CA helps nobody, and what stands there may still do.
            guard authority.hasValid(at: view.now) else { return [.complain(.expired(view.source))] }
            return actions(authority, view)
        }
    }

    private static func actions(_ authority: CABundle, _ view: InjectionView) -> [InjectionAction] {
        let bundles = view.places.map { place in
            authority.joined(to: CABundle(standing: place.bundle), now: view.now)
        }
        var actions: [InjectionAction] = []
        let changes = zip(view.places, bundles).filter { !$1.stands(in: $0.bundle) }
        if !changes.isEmpty {
            actions.append(.write(changes.map { BundlePlace(path: $0.path, bundle: $1.base64) }))
        }
        if let expiry = bundles.compactMap(\.firstExpiry).min() { actions.append(.lookAgain(at: expiry)) }
        return actions
    }
}
