import NIOSSL

/// TLS settings of single servers, containers-certs.d(5): below a directory named `host[:port]`, each `.crt` is an authority
/// to trust besides the system's, and each `.cert` with the `.key` of the same name is the client's own certificate.
struct CertificateDirectory: Sendable {
    /// The first of these that has a folder for a server is taken.
    var directories: [String]

    /// Reads files: not for the cooperative pool.
    /// - Throws: ``RegistryError/configuration(file:problem:)``.
    func configuration(for authority: String, insecure: Bool) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if insecure { configuration.certificateVerification = .none }
        guard let folder = directories.map({ "\($0)/\(authority)" }).first(where: { !ConfigurationFiles.list($0).isEmpty }) else {
            return configuration
        }
        let names = ConfigurationFiles.list(folder)
        let authorities = try names.filter { $0.hasSuffix(".crt") }.flatMap { try Self.certificates("\(folder)/\($0)") }
        if !authorities.isEmpty { configuration.additionalTrustRoots = [.certificates(authorities)] }
        for name in names where name.hasSuffix(".cert") {
            let key = "\(name.dropLast(".cert".count)).key"
            guard names.contains(key) else {
                throw RegistryError.configuration(file: "\(folder)/\(name)", problem: "the key \(key) that belongs to it is missing")
            }
            configuration.certificateChain = try Self.certificates("\(folder)/\(name)").map { .certificate($0) }
            configuration.privateKey = .privateKey(try Self.privateKey("\(folder)/\(key)"))
        }
        if let orphan = names.first(where: { $0.hasSuffix(".key") && !names.contains("\($0.dropLast(".key".count)).cert") }) {
            throw RegistryError.configuration(
                file: "\(folder)/\(orphan)", problem: "the certificate that belongs to this key (.cert) is missing")
        }
        return configuration
    }

    private static func certificates(_ path: String) throws -> [NIOSSLCertificate] {
        do {
            return try NIOSSLCertificate.fromPEMFile(path)
        } catch {
            throw RegistryError.configuration(file: path, problem: "it is not a certificate in PEM format")
        }
    }

    private static func privateKey(_ path: String) throws -> NIOSSLPrivateKey {
        do {
            return try NIOSSLPrivateKey(file: path, format: .pem)
        } catch {
            throw RegistryError.configuration(file: path, problem: "it is not a private key in PEM format without a passphrase")
        }
    }
}
