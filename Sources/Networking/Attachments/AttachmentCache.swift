import FoundationEssentials
import Linux

/// The attachments' files, one a pod. They outlive the node's run directory, since the addresses that plugins gave do too.
struct AttachmentCache: Sendable {
    let directory: String
    private static let suffix = ".json"

    private func path(_ podID: String) -> String { "\(directory)/\(podID)\(Self.suffix)" }

    /// Writes durably.
    func write(_ attachment: Attachment) async throws(NetworkError) {
        let path = path(attachment.request.podID)
        do {
            let bytes = [UInt8](try JSONEncoder().encode(attachment))
            try await BlockingPool.shared.run { [directory] in
                try Files.makeDirectories(directory, mode: 0o700)
                try Files.writeAtomically(bytes, to: path)
            }
        } catch {
            throw .system("the network attachment \(path) cannot be written: \(error)")
        }
    }

    /// Nil where the pod has none.
    /// - Throws: `NetworkError.unreadableAttachment`.
    func read(_ podID: String) async throws(NetworkError) -> Attachment? {
        let path = path(podID)
        do {
            return try await BlockingPool.shared.run {
                guard Files.exists(path) else { return nil }
                return try JSONDecoder().decode(Attachment.self, from: Data(try Files.readBytes(path)))
            }
        } catch {
            throw .unreadableAttachment(file: path, reason: "\(error)")
        }
    }

    func remove(_ podID: String) async throws(NetworkError) {
        let path = path(podID)
        do {
            try await BlockingPool.shared.run { try Files.removeTree(path) }
        } catch {
            throw .system("the network attachment \(path) cannot be removed: \(error)")
        }
    }

    /// Removes what a write that was cut off left; only while nothing is written.
    func removeUnfinished() async throws(NetworkError) {
        let directory = directory
        do {
            try await BlockingPool.shared.run {
                guard Files.exists(directory) else { return }
                for name in try Files.list(directory) where name.hasSuffix(Files.unfinishedSuffix) {
                    try Files.removeTree("\(directory)/\(name)")
                }
            }
        } catch {
            throw .system("unfinished network attachments in \(directory) cannot be removed: \(error)")
        }
    }

    /// The pods that have one.
    func podIDs() async throws(NetworkError) -> [String] {
        let directory = directory
        do {
            let names = try await BlockingPool.shared.run { Files.exists(directory) ? try Files.list(directory) : [] }
            return names.filter { $0.hasSuffix(Self.suffix) }.map { String($0.dropLast(Self.suffix.count)) }
        } catch {
            throw .system("the network attachments in \(directory) cannot be listed: \(error)")
        }
    }
}
