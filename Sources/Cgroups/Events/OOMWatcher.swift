import CLinux
import Glibc
import Linux
import Synchronization

/// Keeps the numbers of containers' cgroups that ran out of memory: with systemd a cgroup goes as soon as its last process has ended, and
/// its numbers with it, mostly before a monitor has told of the end.
///
/// The kernel tells of the first occasion at once, but of what follows within 10 ms only after that time; the victim is gone by then. So a
/// cgroup that has told is read again every millisecond for a while. A thread of its own does it: that time is not to be spent in a queue.
/// Where that was too slow, the kernel's log says who was killed.
public final class OOMWatcher: Sendable {
    private struct Watched {
        let path: String
        let watch: CInt
        var events = OOMEvents()
    }

    private struct State {
        var watched: [String: Watched] = [:]
        var ids: [CInt: String] = [:]
        var isServed = false
    }

    private let tree: CgroupTree
    private let inotify: OwnedDescriptor
    private let log: KernelLog
    private let state = Mutex(State())
    /// Milliseconds for which a cgroup is read again after it told: twice the kernel's interval, and some for a busy machine.
    private static let attention = 50

    public convenience init(tree: CgroupTree) { self.init(tree: tree, log: KernelLog()) }

    init(tree: CgroupTree, log: KernelLog) {
        self.tree = tree
        self.log = log
        inotify = OwnedDescriptor(inotify_init1(CInt(IN_CLOEXEC)))
    }

    /// Follows a container's cgroup from now on, what it has counted so far included. Does not wait.
    /// - Parameter pid: The container's first process, which runs.
    public func watch(_ id: String, path: String, pid: Int32?) {
        if let pid { log.forget(pid) }
        // A v1 cgroup tells by other means, conmon's; it is read at the end.
        let file = tree.layout.version == .v2 ? "\(tree.layout.unified)\(path)/memory.events" : nil
        let isFirst = state.withLock { state in
            let watch = file.map { inotify_add_watch(inotify.raw, $0, UInt32(IN_MODIFY)) } ?? -1
            if watch >= 0 { state.ids[watch] = id }
            state.watched[id] = Watched(path: path, watch: watch)
            defer { state.isServed = state.isServed || watch >= 0 }
            return watch >= 0 && !state.isServed
        }
        if isFirst { startThread(named: "oom") { [self] in serve() } }
        // After the watch, so that nothing is missed in between.
        read(id)
    }

    /// Whether a container that has ended ran out of memory: whoever of it was killed.
    /// - Parameters:
    ///   - path: Its cgroup, which may be gone.
    ///   - pid: Its first process.
    public func explains(exitCode code: Int32, of id: String, path: String, pid: Int32?) -> Bool {
        let isThere = read(id)
        let known = state.withLock { $0.watched[id]?.events } ?? tree.outOfMemoryEvents(of: path) ?? OOMEvents()
        if known.explain(exitCode: code) { return true }
        // A cgroup that is there still has told all.
        return !isThere && log.tells(ofContainer: id, pid: code == 128 + SIGKILL ? pid : nil)
    }

    /// Ends following a container. Idempotent.
    public func forget(_ id: String) {
        state.withLock { state in
            guard let watched = state.watched.removeValue(forKey: id), watched.watch >= 0 else { return }
            state.ids[watched.watch] = nil
            // With its file it may have gone by itself.
            inotify_rm_watch(inotify.raw, watched.watch)
        }
    }

    private func serve() {
        // How often each cgroup is to be read yet.
        var restless: [String: Int] = [:]
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            var descriptor = pollfd(fd: inotify.raw, events: Int16(POLLIN), revents: 0)
            if poll(&descriptor, 1, restless.isEmpty ? -1 : 1) > 0 {
                let count = Glibc.read(inotify.raw, &buffer, buffer.count)
                for event in InotifyEvent.parse(Array(buffer.prefix(max(0, count)))) {
                    if let id = state.withLock({ $0.ids[event.watch] }) { restless[id] = Self.attention }
                }
            }
            for (id, rest) in restless { restless[id] = read(id) && rest > 1 ? rest - 1 : nil }
        }
    }

    /// Notes what the cgroup tells now; whether it is there still.
    @discardableResult
    private func read(_ id: String) -> Bool {
        guard let path = state.withLock({ $0.watched[id]?.path }), let now = tree.outOfMemoryEvents(of: path) else { return false }
        state.withLock { state in
            guard let before = state.watched[id]?.events else { return }
            state.watched[id]?.events = now.union(before)
        }
        return true
    }
}
