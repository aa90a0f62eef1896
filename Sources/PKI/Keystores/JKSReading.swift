extension JKS {
    /// What was found in a file.
    package struct File: Sendable {
        package var contents: KeystoreContents
        /// That of the private key.
        package var alias: String?
        /// Those of the trusted certificates, in their order.
        package var authorityAliases: [String] = []
    }

    /// Reads a file with at most one private key. Throws `wrongPassword` where it was made with another.
    package static func read(_ octets: [UInt8], _ password: KeystorePassword) throws(PKIError) -> File {
        guard octets.count <= PKCS12.maximumBytes else {
            throw .tooLarge(what: name, bytes: octets.count, limit: PKCS12.maximumBytes)
        }
        do {
            var reader = try JKSReader(octets, password)
            return try reader.file(password)
        } catch let error as DERError {
            throw error.of(name)
        } catch let error as PKIError {
            throw error
        } catch {
            throw .malformed(what: name, reason: "\(error)")
        }
    }
}

private struct JKSReader {
    private static let digestSize = 20
    private var rest: ArraySlice<UInt8>

    /// Checks the digest at the end first, which tells a wrong password from damage as little as Java does.
    init(_ octets: [UInt8], _ password: KeystorePassword) throws {
        guard octets.count > JKSReader.digestSize + 12, octets.starts(with: JKS.magic) else {
            throw DERError("it does not begin as a JKS file does")
        }
        let content = octets[..<(octets.count - JKSReader.digestSize)]
        let digest = Digest.sha1(password.utf16 + JKS.salted + content)
        guard constantTimeEqual(digest, Array(octets.suffix(JKSReader.digestSize))) else {
            throw PKIError.wrongPassword(of: JKS.name)
        }
        rest = content.dropFirst(JKS.magic.count)
    }

    mutating func file(_ password: KeystorePassword) throws -> JKS.File {
        guard try number() == JKS.version else { throw DERError("its version is not 2") }
        var file = JKS.File(contents: KeystoreContents(trusting: []))
        for _ in 0..<(try number()) {
            let kind = try number()
            let alias = try text()
            _ = try take(8)
            switch kind {
            case 1:
                guard file.contents.key == nil else { throw DERError("it holds more than one private key") }
                file.alias = alias
                file.contents.key = try JKSProtection.reveal(Array(try take(try number())), password)
                for _ in 0..<(try number()) { file.contents.chain.append(try certificate()) }
            case 2:
                file.authorityAliases.append(alias)
                file.contents.authorities.append(try certificate())
            default: throw DERError("an entry is of an unknown kind")
            }
        }
        guard rest.isEmpty else { throw DERError("there are bytes after its last entry") }
        return file
    }

    private mutating func take(_ count: Int) throws(DERError) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw DERError("it ends in the middle of an entry") }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private mutating func number() throws(DERError) -> Int { try take(4).reduce(0) { $0 << 8 | Int($1) } }

    private mutating func text() throws(DERError) -> String {
        let count = try take(2).reduce(0) { $0 << 8 | Int($1) }
        guard let text = ModifiedUTF8.decode(try take(count)) else { throw DERError("a name in it is not UTF-8") }
        return text
    }

    private mutating func certificate() throws -> X509Certificate {
        guard try text() == JKS.certificateKind else { throw DERError("a certificate is not an X.509 certificate") }
        return try X509Certificate(der: Array(try take(try number())))
    }
}
