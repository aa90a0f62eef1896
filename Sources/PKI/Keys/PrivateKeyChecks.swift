import COpenSSL

extension PrivateKeyParts {
    /// The public half. For curves it is computed, so that a point that came along and does not fit is found.
    borrowing func publicParts() throws(PKIError) -> PublicKeyParts {
        switch kind {
        case .rsa:
            try checkRSA()
            do {
                return try PublicKeyParts.checked(modulus: numbers[0], exponent: numbers[1])
            } catch {
                throw error.of("the private key")
            }
        case .ec(let curve):
            let computed = try computedPoint(on: curve)
            if let point, point != computed, !isCompressed(point, of: computed) {
                throw .mismatch("the private key holds a public point that does not belong to it")
            }
            return .ec(curve, point: computed)
        case .ed25519:
            let seed = numbers[0]
            let octets = try openSSL("read the private key") { () throws(OpenSSLFailure) in
                let handle = unsafe KeyHandle(
                    adopting: try require(EVP_PKEY_new_raw_private_key(NID_ED25519, nil, seed, seed.count)))
                return try handle.octets("pub", count: 32)
            }
            return .ed25519(octets)
        }
    }

    private borrowing func isCompressed(_ point: [UInt8], of full: [UInt8]) -> Bool {
        let width = (full.count - 1) / 2
        guard point.count == 1 + width, let last = full.last else { return false }
        return point[0] == 2 + last & 1 && point[1...] == full[1...width]
    }

    private borrowing func computedPoint(on curve: KeyAlgorithm.Curve) throws(PKIError) -> [UInt8] {
        let scalar = numbers[0]
        return try openSSL("read the private key") { () throws(OpenSSLFailure) in
            let group = try CurveGroup.of(curve)
            let point = try CurvePoint(on: group)
            let number = try BigNumber(scalar)
            let context = try BigNumberContext()
            guard unsafe BN_is_zero(number.pointer) == 0,
                unsafe BN_cmp(number.pointer, EC_GROUP_get0_order(group.pointer)) < 0
            else { throw OpenSSLFailure(reason: "its private number is outside the range of its curve") }
            try unsafe require(
                EC_POINT_mul(group.pointer, point.pointer, number.pointer, nil, nil, context.pointer))
            var octets = [UInt8](repeating: 0, count: 1 + 2 * curve.width)
            let written = unsafe EC_POINT_point2oct(
                group.pointer, point.pointer, POINT_CONVERSION_UNCOMPRESSED, &octets, octets.count, context.pointer)
            guard written == octets.count else { throw OpenSSLFailure() }
            return octets
        }
    }

    /// n = p·q and d·e = 1 modulo p-1 and q-1: enough to see that the numbers belong together, in microseconds.
    private borrowing func checkRSA() throws(PKIError) {
        let numbers = numbers
        let belongs = try openSSL("read the private key") { () throws(OpenSSLFailure) -> Bool in
            let context = try BigNumberContext()
            let n = try BigNumber(numbers[0])
            let e = try BigNumber(numbers[1])
            let d = try BigNumber(numbers[2])
            let product = try BigNumber()
            let p = try BigNumber(numbers[3])
            let q = try BigNumber(numbers[4])
            try unsafe require(BN_mul(product.pointer, p.pointer, q.pointer, context.pointer))
            guard unsafe BN_cmp(product.pointer, n.pointer) == 0, try inverts(d, e, modulo: p, context) else {
                return false
            }
            return try inverts(d, e, modulo: q, context)
        }
        guard belongs else { throw .mismatch("the numbers of the RSA key do not belong together") }
    }
}

/// Whether d·e = 1 modulo (prime - 1).
private func inverts(
    _ d: borrowing BigNumber, _ e: borrowing BigNumber, modulo prime: borrowing BigNumber,
    _ context: borrowing BigNumberContext
) throws(OpenSSLFailure) -> Bool {
    guard unsafe BN_num_bits(prime.pointer) > 2 else { return false }
    let order = try BigNumber()
    let product = try BigNumber()
    try unsafe require(BN_sub(order.pointer, prime.pointer, BN_value_one()))
    try unsafe require(BN_mod_mul(product.pointer, d.pointer, e.pointer, order.pointer, context.pointer))
    return unsafe BN_is_one(product.pointer) == 1
}

extension PrivateKeyParts {
    borrowing func handle(_ publicParts: PublicKeyParts) throws(PKIError) -> KeyHandle {
        let numbers = numbers
        return try openSSL("read the private key") { () throws(OpenSSLFailure) -> KeyHandle in
            switch publicParts {
            case .rsa:
                let names: [StaticString] = [
                    "n", "e", "d", "rsa-factor1", "rsa-factor2", "rsa-exponent1", "rsa-exponent2",
                    "rsa-coefficient1",
                ]
                var parts = try KeyParts()
                for (name, number) in zip(names, numbers) { try parts.number(name, number) }
                return try parts.makeKey("RSA", selection: KeySelection.keyPair)
            case .ec(let curve, let point):
                var parts = try KeyParts()
                try parts.number("priv", numbers[0])
                return try parts.makeKey(on: curve, point: point, selection: KeySelection.keyPair)
            case .ed25519:
                return unsafe KeyHandle(
                    adopting: try require(
                        EVP_PKEY_new_raw_private_key(NID_ED25519, nil, numbers[0], numbers[0].count)))
            }
        }
    }
}
