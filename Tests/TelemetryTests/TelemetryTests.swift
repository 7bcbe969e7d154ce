import Logging
import Testing

@testable import Telemetry

@Suite struct TelemetryTests {
    @Test func aTimelineKnowsItsPhases() {
        let start = ContinuousClock.now
        var timeline = Timeline(name: "pod a/b", origin: start)
        timeline.begin("one", at: start + .milliseconds(1))
        timeline.end("one", at: start + .milliseconds(3))
        timeline.begin("two", at: start + .milliseconds(4))
        timeline.end("never begun", at: start + .milliseconds(5))
        #expect(timeline.phases.map(\.name) == ["one", "two"])
        #expect(timeline.phases.map(\.duration) == [.milliseconds(2), nil])
        #expect(timeline.table == "pod a/b\n  one  +1.0 ms  2.0 ms\n  two  +4.0 ms  …")
        timeline.begin("two", at: start + .milliseconds(6))
        #expect(timeline.phases.map(\.duration) == [.milliseconds(2), .milliseconds(2), nil])
    }

    @Test func aTrackerTellsThePhase() {
        let trackers = PhaseTrackers()
        let tracker = trackers.tracker("x")
        #expect(tracker.report == "it was waiting for its turn")
        tracker.begin("network")
        #expect(trackers.tracker("x").report.hasPrefix("the phase 'network' has been running for "))
        #expect(trackers.tracker("y").report == "it was waiting for its turn")
        tracker.end()
        #expect(tracker.report == "it was waiting for its turn")
    }

    @Test func recorderForgets() {
        let recorder = TimelineRecorder()
        recorder.record(Timeline(name: "a"), for: "1")
        #expect(recorder.timeline(of: "1")?.name == "a")
        recorder.forget("1")
        #expect(recorder.timeline(of: "1") == nil)
    }

    @Test func linesAreOneLineEach() {
        let line = StandardErrorLog.line(
            level: .error, message: "it failed", metadata: ["pod": "abc", "error": "a \"b\"\n\u{1}c", "empty": ""], journald: true,
            time: nil)
        #expect(line == "<3>level=error msg=\"it failed\" empty=\"\" error=\"a \\\"b\\\"\\n\\x1c\" pod=abc\n")
        let timed = StandardErrorLog.line(level: .info, message: "x", metadata: [:], journald: false, time: "T")
        #expect(timed == "time=T level=info msg=x\n")
    }

    @Test func timesAreRFC3339() {
        let time = StandardErrorLog.now()
        #expect(time.count == 24 && time.hasSuffix("Z") && time.dropFirst(10).hasPrefix("T"))
    }
}
