import Glibc
import Linux

/// The service manager, asked over D-Bus to make the slices and scopes of pods: org.freedesktop.systemd1(5), systemd.scope(5).
public struct Systemd: Sendable {
    private let connection: SystemdConnection
    /// How long a call may take. systemd itself is slow while it reloads.
    private let limit: Duration

    /// The host's. Nothing is connected before the first call.
    public init(limit: Duration = .seconds(30)) { self.init(sockets: ["/run/systemd/private"], usesSystemBus: true, limit: limit) }

    init(sockets: [String], usesSystemBus: Bool, limit: Duration) {
        connection = SystemdConnection(sockets: sockets, usesSystemBus: usesSystemBus)
        self.limit = limit
    }

    /// Makes a scope of running processes and waits until they are in it.
    /// - Parameters:
    ///   - name: `NAME.scope`.
    ///   - slice: The slice that it lies in; made by systemd where it is absent.
    /// - Throws: `SystemdError`.
    public func startScope(
        _ name: String, slice: String, processes: [Int32], description: String, properties: [UnitProperty] = []
    ) async throws {
        let all =
            [
                UnitProperty("Description", .text(description)), UnitProperty("Slice", .text(slice)),
                UnitProperty("PIDs", .processes(processes)), UnitProperty("CollectMode", .text("inactive-or-failed")),
            ] + properties
        try await again("starting \(name)") { operation, isFirst in
            do { try await startTransient(name, all, operation) } catch let error as SystemdError where !isFirst && error.isNamed("UnitExists") {
                // The call before, whose answer was lost, has done it.
            }
        }
    }

    /// Makes a slice, or starts the one that the host has a file for. One that is active stays as it is.
    /// - Throws: `SystemdError`.
    public func startSlice(_ name: String, description: String) async throws {
        try await again("starting \(name)") { operation, _ in
            do {
                try await startTransient(name, [UnitProperty("Description", .text(description))], operation)
            } catch let error as SystemdError where error.isNamed("UnitExists") {
                _ = try await ask("StartUnit", operation, .job) { message throws(SystemError) in
                    try message.append(name)
                    try message.append("replace")
                }
            }
        }
    }

    /// Stops a unit and waits until it is. One that is not there is stopped.
    /// - Throws: `SystemdError`.
    public func stop(_ name: String) async throws {
        try await again("stopping \(name)") { operation, _ in
            do {
                _ = try await ask("StopUnit", operation, .job) { message throws(SystemError) in
                    try message.append(name)
                    try message.append("replace")
                }
            } catch let error as SystemdError where error.isNamed("NoSuchUnit") {}
        }
    }

    /// Kills all processes of a unit. One that is not there has none.
    /// - Throws: `SystemdError`.
    public func kill(_ name: String) async throws {
        try await again("killing \(name)") { operation, _ in
            do {
                _ = try await ask("KillUnit", operation, .nothing) { message throws(SystemError) in
                    try message.append(name)
                    try message.append("all")
                    try message.append(SIGKILL)
                }
            } catch let error as SystemdError where error.isNamed("NoSuchUnit") {}
        }
    }

    /// Changes properties of a unit until the host is started anew.
    /// - Throws: `SystemdError`.
    public func set(_ properties: [UnitProperty], of name: String) async throws {
        try await again("changing \(name)") { operation, _ in
            _ = try await ask("SetUnitProperties", operation, .nothing) { message throws(SystemError) in
                try message.append(name)
                try message.append(true)
                try message.append(properties)
            }
        }
    }

    /// The units that are loaded and whose names match one of the patterns, `swiftlet-*.scope`.
    /// - Parameter limit: How long the answer is waited for; nil for as long as with other calls.
    /// - Throws: `SystemdError`.
    public func units(_ patterns: [String], within limit: Duration? = nil) async throws -> [SystemdUnit] {
        let answer = try await ask("ListUnitsByPatterns", "listing \(patterns.joined(separator: " "))", .units, limit) { message throws(SystemError) in
            try message.append([String]())
            try message.append(patterns)
        }
        if case .units(let units) = answer { return units }
        return []
    }

    private func startTransient(_ name: String, _ properties: [UnitProperty], _ operation: String) async throws(SystemdError) {
        _ = try await ask("StartTransientUnit", operation, .job) { message throws(SystemError) in
            try message.append(name)
            try message.append("fail")
            try message.append(properties)
            try message.appendNoUnits()
        }
    }

    private func ask(
        _ method: String, _ operation: String, _ expected: SystemdCall.Expected, _ limit: Duration? = nil,
        _ write: @escaping @Sendable (borrowing BusMessage) throws(SystemError) -> Void
    ) async throws(SystemdError) -> SystemdCall.Answer {
        let call = SystemdCall(method: method, operation: operation, expected: expected, deadline: .now + (limit ?? self.limit), write: write)
        do { return try await connection.answer(to: call) } catch {
            throw error as? SystemdError ?? .disconnected(operation: operation)
        }
    }

    /// Does something once more where the connection broke: systemd executes itself anew when it is updated.
    private func again(_ operation: String, _ body: (_ operation: String, _ isFirst: Bool) async throws -> Void) async throws {
        do { try await body(operation, true) } catch SystemdError.disconnected { try await body(operation, false) }
    }
}
