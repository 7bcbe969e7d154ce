import Glibc
import Linux
import Synchronization

/// What the kernel's log, /dev/kmsg, says of processes that were killed because memory ran out. It names victims before they are gone, and
/// keeps what it said when their cgroups are, and when no daemon listened.
final class KernelLog: Sendable {
    /// The victims of one line.
    struct Victim: Equatable {
        let pid: Int32
        /// The path of its memory cgroup; nil where the line does not tell.
        let cgroup: String?

        /// Reads a record: `priority,sequence,microseconds,flags;message`. Nil for all others, and for those that programs wrote.
        init?(record: String) {
            guard let semicolon = record.firstIndex(of: ";"), let end = record[..<semicolon].firstIndex(of: ","),
                let priority = UInt32(record[..<end]), priority < 8
            else { return nil }
            let message = record[record.index(after: semicolon)...].prefix { $0 != "\n" }
            if message.hasPrefix("oom-kill:") {
                // dump_oom_summary(): `…,task_memcg=PATH,task=NAME,pid=N,uid=N`. A path has no commas of ours; a name may have any.
                guard let start = message.range(of: ",task_memcg="), let after = message.range(of: ",pid=", backwards: true),
                    let pid = Int32(message[after.upperBound...].prefix { $0.isNumber })
                else { return nil }
                (self.pid, cgroup) = (pid, String(message[start.upperBound...].prefix { $0 != "," }))
            } else {
                // __oom_kill_process(): `Memory cgroup out of memory: Killed process N (NAME) …`, `Out of memory: Killed process …`.
                guard message.hasPrefix("Memory cgroup out of memory: ") || message.hasPrefix("Out of memory"),
                    let start = message.range(of: "Killed process "), let pid = Int32(message[start.upperBound...].prefix { $0.isNumber })
                else { return nil }
                (self.pid, cgroup) = (pid, nil)
            }
        }
    }

    private struct State {
        var file: OwnedDescriptor?
        var isOpened = false
        var victims: [Victim] = []
    }

    private let path: String
    private let state = Mutex(State())
    /// Victims that are kept.
    private static let bound = 1024

    init(path: String = "/dev/kmsg") { self.path = path }

    /// Whether a process, or any of a container's, is among the victims. Reads what is new first; does not wait.
    /// - Parameter pid: The container's first process; nil where that is not known.
    func tells(ofContainer id: String, pid: Int32?) -> Bool {
        state.withLock { state in
            read(&state)
            return state.victims.contains { $0.pid == pid || $0.cgroup?.contains(id) == true }
        }
    }

    /// Forgets a victim whose number is another process's now.
    func forget(_ pid: Int32) {
        state.withLock { state in
            read(&state)
            state.victims.removeAll { $0.pid == pid }
        }
    }

    private func read(_ state: inout State) {
        if !state.isOpened {
            state.isOpened = true
            // Without CAP_SYSLOG there is none.
            state.file = try? OwnedDescriptor.open(path, O_RDONLY | O_NONBLOCK)
        }
        guard let file = state.file?.raw else { return }
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            // Records that were overwritten before they were read are told of once, by EPIPE.
            if count < 0, errno == EPIPE || errno == EINTR { continue }
            guard count > 0 else { return }
            guard let victim = Victim(record: String(decoding: buffer[..<count], as: UTF8.self)) else { continue }
            state.victims.append(victim)
            if state.victims.count > Self.bound { state.victims.removeFirst() }
        }
    }
}

extension StringProtocol {
    /// Where a text is first, or last; nil where it is not.
    fileprivate func range(of text: String, backwards: Bool = false) -> Range<Index>? {
        let starts = indices.filter { self[$0...].hasPrefix(text) }
        guard let start = backwards ? starts.last : starts.first else { return nil }
        return start..<index(start, offsetBy: text.count)
    }
}
