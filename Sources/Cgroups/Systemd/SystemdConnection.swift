import CLinux
import CSystemd
import Glibc
import Linux
import Synchronization

/// One call of systemd's, and what its answer comes to.
struct SystemdCall: Sendable {
    enum Answer: Sendable {
        case nothing
        case units([SystemdUnit])
    }

    enum Expected: Sendable {
        case nothing
        /// The answer names a job, and the call is through when the job is.
        case job
        case units
    }

    let method: String
    /// What is being done, for errors: `starting NAME`.
    let operation: String
    let expected: Expected
    let deadline: ContinuousClock.Instant
    let write: @Sendable (borrowing BusMessage) throws(SystemError) -> Void
}

/// A connection to systemd's own socket, where that is not there to the system bus; sd-bus(3).
///
/// One thread has it and waits on it in poll(2). Calls are sent as they come and answered in any order, so that many at once take hardly
/// longer than one. A connection that breaks, as at `systemctl daemon-reexec`, is made anew for the next call.
final class SystemdConnection: Sendable {
    typealias Continuation = CheckedContinuation<SystemdCall.Answer, any Error>

    struct Waiting: Sendable {
        let call: SystemdCall
        let continuation: Continuation

        func fail(_ error: SystemdError) { continuation.resume(throwing: error) }
    }

    private struct Queue {
        var waiting: [Waiting] = []
        var isServed = false
    }

    private let queue = Mutex(Queue())
    /// Its far end wakes the thread.
    private let wake: (read: OwnedDescriptor, write: OwnedDescriptor)?
    private let addresses: [String]
    private let usesSystemBus: Bool

    /// - Parameter sockets: paths of sockets that speak D-Bus with systemd itself, tried in this order before the system bus.
    init(sockets: [String], usesSystemBus: Bool) {
        addresses = sockets.map { "unix:path=\($0)" }
        self.usesSystemBus = usesSystemBus
        wake = try? Self.makeWake()
    }

    private static func makeWake() throws(SystemError) -> (read: OwnedDescriptor, write: OwnedDescriptor) {
        let pipe = try makePipe()
        try pipe.read.setNonBlocking()
        try pipe.write.setNonBlocking()
        return pipe
    }

    /// Sends a call and suspends until its answer is there.
    /// - Throws: `SystemdError`.
    func answer(to call: SystemdCall) async throws -> SystemdCall.Answer {
        guard let wake else { throw SystemdError.unreachable(reason: "the kernel gave no pipe") }
        return try await withCheckedThrowingContinuation { continuation in
            let isFirst = queue.withLock { queue in
                queue.waiting.append(Waiting(call: call, continuation: continuation))
                defer { queue.isServed = true }
                return !queue.isServed
            }
            if isFirst { startThread(named: "systemd") { [self] in serve(wake.read.raw) } }
            // A pipe that is full wakes as well.
            var byte: UInt8 = 0
            _ = Glibc.write(wake.write.raw, &byte, 1)
        }
    }

    private func serve(_ wake: CInt) {
        let loop = SystemdLoop(addresses: addresses, usesSystemBus: usesSystemBus, wake: wake)
        while true {
            loop.accept(
                queue.withLock { queue in
                    defer { queue.waiting = [] }
                    return queue.waiting
                })
            loop.turn()
        }
    }
}

/// What the thread of a connection has to itself.
private final class SystemdLoop {
    private let addresses: [String]
    private let usesSystemBus: Bool
    private let wake: CInt
    private var bus: OpaquePointer?
    /// Calls that are not sent yet: there is no connection.
    private var unsent: [SystemdConnection.Waiting] = []
    /// By the cookies of their messages.
    private var sent: [UInt64: SystemdConnection.Waiting] = [:]
    /// By the paths of the jobs that they wait for.
    private var jobs: [String: SystemdConnection.Waiting] = [:]
    private var lastFailure = "it was not tried"

    init(addresses: [String], usesSystemBus: Bool, wake: CInt) {
        (self.addresses, self.usesSystemBus, self.wake) = (addresses, usesSystemBus, wake)
    }

    func accept(_ new: [SystemdConnection.Waiting]) { unsent += new }

    /// Sends what there is to send, reads what there is to read, and waits for more.
    func turn() {
        if bus == nil, !unsent.isEmpty { connect() }
        if let bus {
            for waiting in unsent { send(waiting, on: bus) }
            unsent = []
            read(bus)
        }
        expire()
        wait()
    }

    // MARK: The connection

    private func connect() {
        for address in addresses {
            if let new = open(address) { return subscribe(new) }
        }
        guard usesSystemBus else { return }
        var new: OpaquePointer?
        let result = sd_bus_open_system(&new)
        if result >= 0, let new { return subscribe(new) }
        lastFailure = String(cString: strerror(-result))
    }

    private func open(_ address: String) -> OpaquePointer? {
        var new: OpaquePointer?
        guard sd_bus_new(&new) >= 0, let new else { return nil }
        let result = sd_bus_set_address(new, address) < 0 ? -EINVAL : sd_bus_start(new)
        if result >= 0 { return new }
        lastFailure = String(cString: strerror(-result))
        sd_bus_unref(new)
        return nil
    }

    /// Without it systemd tells nobody of its jobs' ends.
    private func subscribe(_ new: OpaquePointer) {
        bus = new
        sd_bus_match_signal_async(
            new, nil, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved", nil, nil, nil)
        guard let message = try? BusMessage.call("Subscribe", on: new), sd_bus_send(new, message.raw, nil) >= 0 else { return close() }
    }

    private func close() {
        guard let bus else { return }
        self.bus = nil
        sd_bus_close(bus)
        sd_bus_unref(bus)
        let cut = Array(sent.values) + Array(jobs.values)
        (sent, jobs) = ([:], [:])
        for waiting in cut { waiting.fail(.disconnected(operation: waiting.call.operation)) }
    }

    // MARK: Calls and answers

    private func send(_ waiting: SystemdConnection.Waiting, on bus: OpaquePointer) {
        let call = waiting.call
        do {
            let message = try BusMessage.call(call.method, on: bus)
            try call.write(message)
            var cookie: UInt64 = 0
            try checkBus(sd_bus_send(bus, message.raw, &cookie), call.method)
            sent[cookie] = waiting
        } catch {
            waiting.fail(.refused(operation: call.operation, name: "sd-bus", message: "\(error)"))
        }
    }

    private func read(_ bus: OpaquePointer) {
        while self.bus == bus {
            var raw: OpaquePointer?
            let result = sd_bus_process(bus, &raw)
            if result < 0 { return close() }
            if result == 0 { return }
            if let raw { take(BusMessage(owning: raw)) }
        }
    }

    private func take(_ message: consuming BusMessage) {
        if message.isSignal("JobRemoved") { return jobRemoved(message) }
        guard let cookie = message.answered, let waiting = sent.removeValue(forKey: cookie) else { return }
        let operation = waiting.call.operation
        if let failure = message.failure {
            return waiting.fail(.refused(operation: operation, name: failure.name, message: failure.message))
        }
        switch waiting.call.expected {
        case .nothing: waiting.continuation.resume(returning: .nothing)
        case .units: waiting.continuation.resume(returning: .units(message.units()))
        case .job:
            guard let job = message.text("o") else {
                return waiting.fail(.refused(operation: operation, name: "sd-bus", message: "the answer names no job"))
            }
            jobs[job] = waiting
        }
    }

    /// `JobRemoved(u id, o job, s unit, s result)`; the answer that names the job came before it.
    private func jobRemoved(_ message: borrowing BusMessage) {
        guard message.number32() != nil, let job = message.text("o"), message.text() != nil, let result = message.text(),
            let waiting = jobs.removeValue(forKey: job)
        else { return }
        if result == "done" {
            waiting.continuation.resume(returning: .nothing)
        } else {
            waiting.fail(.jobEnded(operation: waiting.call.operation, result: result))
        }
    }

    // MARK: Time

    private func expire() {
        let now = ContinuousClock.now
        func isLate(_ waiting: SystemdConnection.Waiting) -> Bool { waiting.call.deadline <= now }
        for waiting in unsent where isLate(waiting) { waiting.fail(.unreachable(reason: lastFailure)) }
        unsent.removeAll(where: isLate)
        for (cookie, waiting) in sent where isLate(waiting) {
            sent[cookie] = nil
            waiting.fail(.timedOut(operation: waiting.call.operation))
        }
        for (job, waiting) in jobs where isLate(waiting) {
            jobs[job] = nil
            waiting.fail(.timedOut(operation: waiting.call.operation))
        }
    }

    private func wait() {
        var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
        if let bus, case let fd = sd_bus_get_fd(bus), fd >= 0 {
            descriptors.append(pollfd(fd: fd, events: Int16(truncatingIfNeeded: sd_bus_get_events(bus)), revents: 0))
        }
        poll(&descriptors, nfds_t(descriptors.count), timeout)
        var bytes = [UInt8](repeating: 0, count: 512)
        _ = Glibc.read(wake, &bytes, bytes.count)
    }

    /// Milliseconds to wait at the most; -1 for as long as it takes.
    private var timeout: CInt {
        // While systemd executes itself anew it takes no connection.
        if bus == nil, !unsent.isEmpty { return 20 }
        var least: CInt = -1
        if let first = (Array(sent.values) + Array(jobs.values)).map(\.call.deadline).min() {
            least = CInt(clamping: (first - ContinuousClock.now).components.seconds.advanced(by: 1) * 1000)
        }
        var microseconds: UInt64 = 0
        if let bus, sd_bus_get_timeout(bus, &microseconds) >= 0, microseconds != .max {
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            let past = UInt64(now.tv_sec) * 1_000_000 + UInt64(now.tv_nsec) / 1000
            let rest = CInt(clamping: microseconds > past ? (microseconds - past) / 1000 + 1 : 0)
            least = least < 0 ? rest : min(least, rest)
        }
        return least
    }
}
