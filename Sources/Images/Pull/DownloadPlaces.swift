import Synchronization

/// Who downloads: the layers of one caller from one registry. Neither a registry that gives nothing nor a namespace that pulls
/// much takes the places of the others.
struct DownloadParty: Hashable, Sendable {
    let registry: String
    /// A namespace; empty where none is known.
    let caller: String
}

/// Who has a place to download in, and who waits for one. A value without waiting.
struct DownloadQueue {
    /// Places that one party has at most, one caller with all its registries, and all together.
    let (each, caller, all): (Int, Int, Int)
    private(set) var held: [DownloadParty: Int] = [:]
    private var heldByCaller: [String: Int] = [:]
    private var heldByAll = 0
    /// In the order in which they came.
    private var waiting: [(number: Int, party: DownloadParty)] = []

    init(each: Int) { (self.each, caller, all) = (each, 2 * each, 4 * each) }

    /// - Returns: whether there is a place now; else it comes with a ``leave(_:)``.
    mutating func enter(_ number: Int, _ party: DownloadParty) -> Bool {
        guard isAdmissible(party) else {
            waiting.append((number, party))
            return false
        }
        admit(party)
        return true
    }

    /// Gives a place back.
    /// - Returns: who has it now. Of those who wait, one whose party has the fewest goes first.
    mutating func leave(_ party: DownloadParty) -> Int? {
        release(party)
        let next = waiting.indices.filter { isAdmissible(waiting[$0].party) }.min {
            (held[waiting[$0].party] ?? 0, $0) < (held[waiting[$1].party] ?? 0, $1)
        }
        guard let next else { return nil }
        let admitted = waiting.remove(at: next)
        admit(admitted.party)
        return admitted.number
    }

    private func isAdmissible(_ party: DownloadParty) -> Bool {
        (held[party] ?? 0) < each && (heldByCaller[party.caller] ?? 0) < caller && heldByAll < all
    }

    private mutating func admit(_ party: DownloadParty) {
        held[party, default: 0] += 1
        heldByCaller[party.caller, default: 0] += 1
        heldByAll += 1
    }

    private mutating func release(_ party: DownloadParty) {
        heldByAll -= 1
        held[party] = held[party].flatMap { $0 > 1 ? $0 - 1 : nil }
        heldByCaller[party.caller] = heldByCaller[party.caller].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
}

/// Lets so many layers be downloaded at a time, by turns.
final class DownloadPlaces: Sendable {
    private struct State {
        var queue: DownloadQueue
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state: Mutex<State>

    /// - Parameter each: places of one party.
    init(each: Int) { state = Mutex(State(queue: DownloadQueue(each: each))) }

    /// Runs `body` in a place of the party's. One who is cancelled while waiting takes its turn, and finds out inside.
    func run<R: Sendable>(_ party: DownloadParty, _ body: () async throws -> R) async rethrows -> R {
        await withCheckedContinuation { continuation in
            let isAdmitted = state.withLock { state in
                state.next += 1
                guard !state.queue.enter(state.next, party) else { return true }
                state.waiting[state.next] = continuation
                return false
            }
            if isAdmitted { continuation.resume() }
        }
        defer { state.withLock { state in state.queue.leave(party).flatMap { state.waiting.removeValue(forKey: $0) } }?.resume() }
        return try await body()
    }
}
