/// Why a checkpoint could not be written or read.
public enum CheckpointError: Error, Sendable, Equatable {
    case malformed(String, reason: String)
    /// An entry or a link leads out of where it is unpacked.
    case escapes(String, entry: String)
    /// A part that is read into memory, or what an archive says of its files' sizes, is beyond the limit in bytes.
    case tooLarge(String, limit: Int64)
    /// Time was up, or whoever asked does not want it any more.
    case outOfTime(String)
}

extension CheckpointError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed(let source, let reason): "\(source) is no whole checkpoint: \(reason)"
        case .escapes(let source, let entry):
            "the checkpoint \(source) has an entry '\(entry)' that leads outside; it is malformed or malicious and was not restored"
        case .tooLarge(let what, let limit): "\(what) is larger than \(limit) bytes, the most that is accepted"
        case .outOfTime(let what): "time was up while \(what)"
        }
    }
}
