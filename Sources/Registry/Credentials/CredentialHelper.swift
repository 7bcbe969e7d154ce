import FoundationEssentials

/// Runs a program with input and gives its exit code and standard output. The program is looked up in PATH.
public typealias HelperRunner =
    @Sendable (
        _ executable: String, _ arguments: [String], _ input: [UInt8]
    ) async throws -> (code: Int32, output: [UInt8])

/// A program `docker-credential-NAME` that keeps credentials, by the protocol of docker-credential-helpers.
struct CredentialHelper: Sendable {
    let name: String
    let run: HelperRunner

    /// The program's answer for a registry; nil if it has none.
    /// - Throws: ``RegistryError/credentials(source:problem:)``, which never quotes the answer.
    func credentials(for server: String) async throws -> RegistryCredentials? {
        let source = "docker-credential-\(name)"
        guard !name.isEmpty, !name.contains("/") else {
            throw RegistryError.credentials(source: source, problem: "a credential helper is named without its path")
        }
        let answer: (code: Int32, output: [UInt8])
        do {
            answer = try await run(source, ["get"], Array(server.utf8))
        } catch {
            throw RegistryError.credentials(
                source: source, problem: "it could not be run for \(server): install it in PATH, or remove it from credHelpers")
        }
        guard answer.code == 0 else {
            // Helpers have no exit code for this, only this sentence of the protocol.
            if String(decoding: answer.output, as: UTF8.self).contains("credentials not found") { return nil }
            throw RegistryError.credentials(source: source, problem: "it ended with code \(answer.code) for \(server)")
        }
        guard let found = try? JSONDecoder().decode(Answer.self, from: Data(answer.output)) else {
            throw RegistryError.credentials(source: source, problem: "its answer for \(server) has no Username and Secret")
        }
        return found.username == "<token>"
            ? RegistryCredentials(identityToken: found.secret) : RegistryCredentials(username: found.username, password: found.secret)
    }

    private struct Answer: Decodable {
        let username: String
        let secret: String
        enum CodingKeys: String, CodingKey {
            case username = "Username"
            case secret = "Secret"
        }
    }
}
