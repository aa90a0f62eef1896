import COpenSSL

extension [UInt8] {
    /// Overwrites secret octets before their memory is given back, in a way the compiler keeps.
    mutating func cleanse() {
        unsafe withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    }
}

/// Compares without a branch that depends on the octets. Lengths are not secret.
package func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}

package enum SecureRandom {
    /// Octets from OpenSSL's generator, or from the kernel's if that one cannot be seeded.
    package static func bytes(_ count: Int) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: count)
        if unsafe RAND_bytes(&octets, Int32(count)) != 1 {
            var kernel = SystemRandomNumberGenerator()
            for index in octets.indices { octets[index] = kernel.next() }
        }
        return octets
    }
}
