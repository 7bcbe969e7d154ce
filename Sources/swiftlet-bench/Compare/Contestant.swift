import ArgumentParser

/// A runtime to measure, as it is written on the command line: NAME=SOCKET,PID.
struct Contestant: ExpressibleByArgument, Sendable {
    let name: String
    let socket: String
    /// The daemon's process, whose CPU time and memory are read.
    let pid: Int32

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), let comma = argument.lastIndex(of: ","), equals < comma,
            let pid = Int32(argument[argument.index(after: comma)...])
        else { return nil }
        name = String(argument[..<equals])
        socket = String(argument[argument.index(after: equals)..<comma])
        self.pid = pid
        guard !name.isEmpty, !socket.isEmpty else { return nil }
    }
}
