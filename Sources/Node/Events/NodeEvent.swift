/// Something that happened to a pod or a container, with what was known of the pod just then.
public struct NodeEvent: Sendable {
    /// CRI, ContainerEventType.
    public enum Kind: Sendable, Equatable { case created, started, stopped, deleted }

    public let kind: Kind
    /// The container's id; the pod's where it happened to the pod itself.
    public let id: String
    /// Nanoseconds since the epoch.
    public let time: Int64
    public let pod: PodRecord
    /// The pod's containers, the newest first.
    public let containers: [ContainerRecord]
}

extension NodeEvent.Kind {
    /// What a change of a pod's record means to those who follow it; `new` is nil where the record goes.
    ///
    /// A pod is created and started at once: there is no pause container that could be one without the other.
    static func ofPod(from old: PodPhase, to new: PodPhase?) -> [Self] {
        switch (old, new) {
        // Nobody has been told of what did not come to be.
        case (.creating, nil): []
        case (_, nil): [.deleted]
        case (.creating, .ready): [.created, .started]
        case (.stopped, .stopped): []
        case (_, .stopped): [.stopped]
        default: []
        }
    }

    /// What a change of a container's record means; `new` is nil where the record goes.
    static func ofContainer(from old: ContainerProgress, to new: ContainerProgress?) -> [Self] {
        guard let new else { return old.phase == .creating ? [] : [.deleted] }
        guard new.phase != .creating else { return [] }
        var kinds: [Self] = []
        if old.phase == .creating { kinds.append(.created) }
        let ended = new.exit != nil && (old.exit == nil || old.phase == .creating)
        // A quick process ends before its start has been written. One of whose end no monitor told may never have run.
        let ranUnseen = old.phase == .starting && ended && new.exit?.message.isEmpty == true
        if ranUnseen || (new.phase == .running && old.phase != .running) { kinds.append(.started) }
        if ended { kinds.append(.stopped) }
        return kinds
    }
}

/// What of a container's record its events go by.
struct ContainerProgress: Equatable, Sendable {
    var phase: ContainerPhase
    var exit: ContainerExit?
}

extension ContainerRecord {
    var progress: ContainerProgress { ContainerProgress(phase: phase, exit: exit) }
}
