import Glibc

/// Follows directories by inotify(7).
public enum FileWatcher {
    /// The paths of entries that were written, moved or removed, as they change. Directories that do not exist are made.
    ///
    /// A directory's own path says that anything in it may have changed: the kernel dropped events, the directory was made anew, or following
    /// it failed for a while. Following goes on until the stream's consumer stops.
    ///
    /// Watching starts before this returns, so list the directories afterwards.
    /// - Throws: `SystemError`.
    public static func changes(of directories: [String]) throws(SystemError) -> AsyncStream<String> {
        let first = try WatchedDirectories(directories)
        return AsyncStream { continuation in
            let task = Task {
                var watched: WatchedDirectories? = first
                var pauses = GrowingPauses(first: .milliseconds(10), longest: .seconds(10))
                while !Task.isCancelled {
                    if let current = watched {
                        let hasFollowed = await current.follow { continuation.yield($0) }
                        if hasFollowed { pauses = GrowingPauses(first: .milliseconds(10), longest: .seconds(10)) }
                    }
                    do { try await Task.sleep(for: pauses.next()) } catch { break }
                    // What cannot be watched now, for want of descriptors or of watches, can be later.
                    watched = try? await BlockingPool.shared.run { try WatchedDirectories(directories) }
                    if watched != nil { directories.forEach { continuation.yield($0) } }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

/// Directories that the kernel reports changes of.
struct WatchedDirectories: Sendable {
    private let descriptor: OwnedDescriptor
    /// By watch.
    private let names: [CInt: String]

    /// What an event means.
    enum Meaning: Equatable {
        /// These paths may have changed.
        case changed([String])
        /// A directory is not followed any more, since it is no longer there.
        case lost
    }

    /// Blocks.
    init(_ directories: [String]) throws(SystemError) {
        descriptor = OwnedDescriptor(try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)) })
        var names: [CInt: String] = [:]
        let mask = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MOVE_SELF)
        for directory in directories {
            try Files.makeDirectories(directory)
            let watch = try check("inotify_add_watch", directory) { [descriptor] in inotify_add_watch(descriptor.raw, directory, mask) }
            names[watch] = directory
        }
        self.names = names
    }

    /// Reports changes until they cannot be followed any more; whether there was one.
    func follow(_ report: (String) -> Void) async -> Bool {
        var hasReported = false
        while let events = try? await descriptor.readChunk(), !events.isEmpty {
            for event in InotifyEvent.parse(events) {
                guard case .changed(let paths) = Self.meaning(of: event, names) else { return hasReported }
                paths.forEach(report)
                hasReported = true
            }
        }
        return hasReported
    }

    static func meaning(of event: InotifyEvent, _ names: [CInt: String]) -> Meaning {
        // The queue was full, and what did not fit is not told.
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return .changed(names.values.sorted()) }
        guard let directory = names[event.watch] else { return .changed([]) }
        if event.mask & UInt32(IN_IGNORED | IN_MOVE_SELF | IN_UNMOUNT) != 0 { return .lost }
        return .changed([event.name.isEmpty ? directory : "\(directory)/\(event.name)"])
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
