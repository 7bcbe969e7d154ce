import FoundationEssentials
import Glibc
import Linux

/// A pod's place on a network, as it is kept on disk: written before the first plugin runs, so that what it made can always
/// be taken down with the configuration that made it.
struct Attachment: Codable, Sendable, Equatable {
    var request: PodNetworkRequest
    var network: NetworkList
    /// The last plugin's result; nil while it is not known.
    var result: JSONValue?
}

/// The attachments' files, one a pod.
struct AttachmentCache: Sendable {
    let directory: String

    private func path(_ podID: String) -> String { "\(directory)/\(podID).json" }

    func write(_ attachment: Attachment) async throws(NetworkError) {
        let path = path(attachment.request.podID)
        do {
            let bytes = [UInt8](try JSONEncoder().encode(attachment))
            try await BlockingPool.shared.run { [directory] in
                try Files.makeDirectories(directory, mode: 0o700)
                let temporary = path + ".new"
                let file = try OwnedDescriptor.open(temporary, O_WRONLY | O_CREAT | O_TRUNC)
                file.close()
                try Files.write(String(decoding: bytes, as: UTF8.self), to: temporary)
                try check("rename", path) { rename(temporary, path) }
            }
        } catch {
            throw .system("the network attachment \(path) cannot be written: \(error)")
        }
    }

    /// Nil where the pod has none.
    func read(_ podID: String) async throws(NetworkError) -> Attachment? {
        let path = path(podID)
        do {
            return try await BlockingPool.shared.run {
                guard Files.exists(path) else { return nil }
                return try JSONDecoder().decode(Attachment.self, from: Data(try Files.readBytes(path)))
            }
        } catch {
            throw .system("the network attachment \(path) cannot be read: \(error)")
        }
    }

    func remove(_ podID: String) async {
        let path = path(podID)
        try? await BlockingPool.shared.run { try Files.removeTree(path) }
    }

    func podIDs() async -> [String] {
        let directory = directory
        let names = (try? await BlockingPool.shared.run { try Files.list(directory) }) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
    }
}
