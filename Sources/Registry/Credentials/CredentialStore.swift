import FoundationEssentials
import NIOPosix

/// Finds credentials for a repository in the files and helpers of this host, anew for each pull, so that a login takes effect at once.
struct CredentialStore: Sendable {
    var authFiles: [String]
    /// Files `NAMESPACE-SHA256(image name).json`, written by a kubelet credential provider for one namespace's pods.
    var namespacedDirectory: String?
    /// Helpers of registries.conf(5), asked after the files; the name `containers-auth.json` stands for the files.
    var globalHelpers: [String]
    var runHelper: HelperRunner?

    /// - Parameter image: what the user asked for; `reference` may be its mirror.
    func credentials(for reference: ImageReference, image: ImageReference, namespace: String?) async throws -> RegistryCredentials? {
        let paths = [namespacedPath(image, namespace: namespace)].compactMap { $0 } + authFiles
        let files = try await NIOThreadPool.singleton.runIfActive {
            try paths.compactMap { path in try ConfigurationFiles.read(path).map { try AuthFile.parse($0, file: path) } }
        }
        for file in files {
            switch file.find(reference) {
            case .credentials(let found): return found
            case .helper(let name):
                if let found = try await ask(name, for: reference) { return found }
            case nil: continue
            }
        }
        for name in globalHelpers where name != "containers-auth.json" {
            if let found = try await ask(name, for: reference) { return found }
        }
        return nil
    }

    private func ask(_ helper: String, for reference: ImageReference) async throws -> RegistryCredentials? {
        guard let runHelper else {
            throw RegistryError.credentials(source: "docker-credential-\(helper)", problem: "credential helpers are not enabled here")
        }
        // Docker's login stores Hub's credentials under this name.
        let server = reference.domain == ImageReference.dockerHub ? "https://index.docker.io/v1/" : reference.domain
        return try await CredentialHelper(name: helper, run: runHelper).credentials(for: server)
    }

    private func namespacedPath(_ image: ImageReference, namespace: String?) -> String? {
        guard let namespacedDirectory, let namespace, !namespace.isEmpty, !namespace.contains("/") else { return nil }
        return "\(namespacedDirectory)/\(namespace)-\(sha256(Array(image.name.utf8)).hex).json"
    }
}
