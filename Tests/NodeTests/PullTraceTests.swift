import Images
import OCI
import Testing

@testable import Node

@Suite struct PullTraceTests {
    private let digests = (0..<2).compactMap { Digest("sha256:" + String(repeating: "\($0)", count: 64)) }

    private func progress(_ index: Int, _ received: Int64, _ phase: PullProgress.Phase = .pulling) -> PullProgress {
        PullProgress(layer: digests[index], index: index, count: 2, received: received, size: 100, phase: phase)
    }

    @Test func layersAreOnTheTimeline() {
        let start = ContinuousClock.now
        var trace = PullTrace(image: "a", at: start)
        #expect(trace.note(progress(0, 10), at: start + .milliseconds(1)) == nil)
        #expect(trace.note(progress(0, 90), at: start + .milliseconds(2)) == nil)
        #expect(trace.note(progress(1, 100, .present), at: start + .milliseconds(2)) == nil)
        #expect(trace.note(progress(0, 100, .done), at: start + .milliseconds(5)) == nil)
        #expect(trace.timeline.name == "pull a")
        #expect(trace.timeline.phases.map(\.name) == ["layer 1/2 000000000000", "layer 2/2 111111111111"])
        #expect(trace.timeline.phases.map(\.duration) == [.milliseconds(4), .zero])
    }

    @Test func aPullThatLastsIsToldOfNowAndThen() {
        let start = ContinuousClock.now
        var trace = PullTrace(image: "a", at: start)
        #expect(trace.note(progress(0, 10), at: start + .seconds(4)) == nil)
        #expect(
            trace.note(progress(1, 20), at: start + .seconds(5)) == .init(layersDone: 0, layers: 2, received: 30, size: 200))
        #expect(trace.note(progress(1, 100, .done), at: start + .seconds(9)) == nil)
        #expect(
            trace.note(progress(0, 50), at: start + .seconds(10)) == .init(layersDone: 1, layers: 2, received: 150, size: 200))
    }
}
