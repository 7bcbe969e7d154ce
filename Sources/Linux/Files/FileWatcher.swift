import Glibc

/// Follows directories by inotify(7).
public enum FileWatcher {
    /// The paths of entries that were written, moved or removed, as they change. Directories that do not exist are made.
    /// The stream ends when its consumer stops. Watching starts before this returns, so list the directories afterwards.
    /// - Throws: `SystemError`.
    public static func changes(of directories: [String]) throws(SystemError) -> AsyncStream<String> {
        let descriptor = OwnedDescriptor(try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)) })
        var watched: [CInt: String] = [:]
        let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)
        for directory in directories {
            try Files.makeDirectories(directory)
            let watch = try check("inotify_add_watch", directory) { inotify_add_watch(descriptor.raw, directory, mask) }
            watched[watch] = directory
        }
        let names = watched
        return AsyncStream { continuation in
            let task = Task {
                while let events = try? await descriptor.readChunk(), !events.isEmpty {
                    for event in InotifyEvent.parse(events) {
                        guard let directory = names[event.watch] else { continue }
                        continuation.yield(event.name.isEmpty ? directory : "\(directory)/\(event.name)")
                    }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

/// One event as the kernel lays it out: watch, mask, cookie, length of the name, the name padded with zeros.
public struct InotifyEvent: Sendable, Equatable {
    public let watch: CInt
    public let mask: UInt32
    public let name: String

    /// Reads what read(2) of an inotify descriptor gave: whole events, inotify(7).
    public static func parse(_ bytes: [UInt8]) -> [InotifyEvent] {
        var events: [InotifyEvent] = []
        var offset = 0
        bytes.withUnsafeBytes { raw in
            while offset + 16 <= raw.count {
                let length = Int(raw.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
                guard offset + 16 + length <= raw.count else { return }
                let name = raw[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }
                events.append(
                    InotifyEvent(
                        watch: raw.loadUnaligned(fromByteOffset: offset, as: CInt.self),
                        mask: raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self),
                        name: String(decoding: name, as: UTF8.self)))
                offset += 16 + length
            }
        }
        return events
    }
}
