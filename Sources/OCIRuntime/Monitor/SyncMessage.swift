import FoundationEssentials

/// The one line that conmon writes into its sync pipe once the runtime's create is through.
struct SyncMessage: Equatable {
    /// The container's process; -1 where there is none.
    let pid: Int32
    /// The runtime's standard error, where it failed.
    let message: String?

    /// Reads `{"pid": 5}` or `{"pid": -1, "message": "…"}`; `data` is the later name of `pid`. Nil for all else.
    init?(line: some Sequence<UInt8>) {
        guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(line)), let pid = wire.pid ?? wire.data else { return nil }
        self.pid = pid
        message = wire.message
    }

    private struct Wire: Decodable {
        var pid: Int32?
        var data: Int32?
        var message: String?
    }
}
