import COpenSSL
import Synchronization

/// An `EVP_PKEY`, freed with its last reference; OpenSSL cleanses private parts as it frees them.
///
/// Shared between threads because nothing changes it after it is made: openssl-threads(7), "objects that are
/// not modified can be used by several threads"; signing and reading parameters only read it.
@safe final class KeyHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(adopting pointer: OpaquePointer) { unsafe self.pointer = pointer }
    deinit { unsafe EVP_PKEY_free(pointer) }
}

/// A `BIGNUM` that is cleansed when freed.
@safe struct BigNumber: ~Copyable {
    let pointer: OpaquePointer

    init(adopting pointer: OpaquePointer) { unsafe self.pointer = pointer }
    init() throws(OpenSSLFailure) { unsafe pointer = try require(BN_secure_new()) }
    init(_ octets: [UInt8]) throws(OpenSSLFailure) {
        unsafe pointer = try require(BN_bin2bn(octets, Int32(octets.count), nil))
    }
    deinit { unsafe BN_clear_free(pointer) }

    /// Big-endian octets, padded on the left to `width` when given.
    func octets(width: Int? = nil) throws(OpenSSLFailure) -> [UInt8] {
        let width = unsafe width ?? Int(BN_num_bits(pointer) + 7) / 8
        var octets = [UInt8](repeating: 0, count: width)
        guard unsafe BN_bn2binpad(pointer, &octets, Int32(width)) == Int32(width) else { throw OpenSSLFailure() }
        return octets
    }
}

@safe struct BigNumberContext: ~Copyable {
    let pointer: OpaquePointer
    init() throws(OpenSSLFailure) { unsafe pointer = try require(BN_CTX_secure_new()) }
    deinit { unsafe BN_CTX_free(pointer) }
}

/// An `EVP_PKEY_CTX`: one operation that makes keys.
@safe struct KeyContext: ~Copyable {
    let pointer: OpaquePointer
    init(named name: String) throws(OpenSSLFailure) {
        unsafe pointer = try require(EVP_PKEY_CTX_new_from_name(nil, name, nil))
    }
    deinit { unsafe EVP_PKEY_CTX_free(pointer) }
}

/// An `EVP_MD_CTX`: one signing or verifying operation.
@safe struct DigestContext: ~Copyable {
    let pointer: OpaquePointer
    init() throws(OpenSSLFailure) { unsafe pointer = try require(EVP_MD_CTX_new()) }
    deinit { unsafe EVP_MD_CTX_free(pointer) }
}

/// An `EC_GROUP`. Making one takes 9 microseconds for P-256 and multiplying on it 11, so each curve's is made once and kept.
///
/// Shared between threads because nothing changes it after it is made: every call here takes it as `const`.
@safe final class CurveGroup: @unchecked Sendable {
    private static let kept = Mutex<[KeyAlgorithm.Curve: CurveGroup]>([:])

    let pointer: OpaquePointer
    private init(nid: Int32) throws(OpenSSLFailure) { unsafe pointer = try require(EC_GROUP_new_by_curve_name(nid)) }
    deinit { unsafe EC_GROUP_free(pointer) }

    static func of(_ curve: KeyAlgorithm.Curve) throws(OpenSSLFailure) -> CurveGroup {
        if let group = kept.withLock({ $0[curve] }) { return group }
        let group = try CurveGroup(nid: curve.nid)
        kept.withLock { $0[curve] = group }
        return group
    }
}

@safe struct CurvePoint: ~Copyable {
    let pointer: OpaquePointer
    init(on group: CurveGroup) throws(OpenSSLFailure) {
        unsafe pointer = try require(EC_POINT_new(group.pointer))
    }
    deinit { unsafe EC_POINT_clear_free(pointer) }
}

/// The parts of a key on their way into OpenSSL: an `OSSL_PARAM_BLD` and the numbers it points at.
///
/// The builder copies neither names nor texts when they are pushed (OSSL_PARAM_BLD(3)), hence `StaticString`.
@safe struct KeyParts: ~Copyable {
    private let builder: OpaquePointer
    private var numbers: [OpaquePointer] = unsafe []

    init() throws(OpenSSLFailure) { unsafe builder = try require(OSSL_PARAM_BLD_new()) }
    deinit {
        unsafe OSSL_PARAM_BLD_free(builder)
        for index in unsafe numbers.indices { unsafe BN_clear_free(numbers[index]) }
    }

    mutating func number(_ name: StaticString, _ octets: [UInt8]) throws(OpenSSLFailure) {
        let number = unsafe try require(BN_bin2bn(octets, Int32(octets.count), nil))
        unsafe numbers.append(number)
        try unsafe require(OSSL_PARAM_BLD_push_BN(builder, name.cString, number))
    }

    func makeKey(_ algorithm: String, selection: Int32) throws(OpenSSLFailure) -> KeyHandle {
        guard let parameters = unsafe OSSL_PARAM_BLD_to_param(builder) else { throw OpenSSLFailure() }
        defer { unsafe OSSL_PARAM_free(parameters) }
        let context = try KeyContext(named: algorithm)
        try unsafe require(EVP_PKEY_fromdata_init(context.pointer))
        var key: OpaquePointer?
        try unsafe require(EVP_PKEY_fromdata(context.pointer, &key, selection, parameters))
        return unsafe KeyHandle(adopting: try require(key))
    }

    func makeKey(
        on curve: KeyAlgorithm.Curve, point: [UInt8], selection: Int32
    ) throws(OpenSSLFailure) -> KeyHandle {
        let group: StaticString = "group"
        let publicPoint: StaticString = "pub"
        try unsafe require(OSSL_PARAM_BLD_push_utf8_string(builder, group.cString, curve.groupName.cString, 0))
        return try unsafe point.withUnsafeBufferPointer { (buffer) throws(OpenSSLFailure) -> KeyHandle in
            try unsafe require(
                OSSL_PARAM_BLD_push_octet_string(builder, publicPoint.cString, buffer.baseAddress, buffer.count))
            return try makeKey("EC", selection: selection)
        }
    }
}

extension StaticString {
    /// Lives as long as the program.
    var cString: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
