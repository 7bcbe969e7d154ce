import Testing

@testable import Node

@Suite struct EventPublisherTests {
    @Test func everySubscriberGetsEveryEventInOrder() async throws {
        let publisher = EventPublisher<Int>(capacity: 10)
        publisher.publish(0)
        let (first, second) = (publisher.subscribe(), publisher.subscribe())
        #expect(publisher.subscriberCount == 2)
        for event in 1...3 { publisher.publish(event) }
        publisher.finish()
        for subscription in [first, second] {
            #expect(try await subscription.reduce(into: []) { $0.append($1) } == [1, 2, 3])
        }
    }

    @Test func aSubscriberThatLeavesIsForgotten() async throws {
        let publisher = EventPublisher<Int>(capacity: 10)
        let staying = publisher.subscribe()
        let reader = Task { [subscription = publisher.subscribe()] in for try await _ in subscription {} }
        reader.cancel()
        try await reader.value
        #expect(publisher.subscriberCount == 1)
        publisher.publish(1)
        publisher.finish()
        #expect(try await staying.reduce(into: []) { $0.append($1) } == [1])
    }

    @Test func oneThatDoesNotReadIsCutOffAndTheOthersAreNot() async throws {
        let publisher = EventPublisher<Int>(capacity: 2)
        let slow = publisher.subscribe()
        for event in 1...2 { publisher.publish(event) }
        let late = publisher.subscribe()
        publisher.publish(3)
        #expect(publisher.subscriberCount == 1)
        publisher.publish(4)
        var seen: [Int] = []
        do {
            for try await event in slow { seen.append(event) }
            Issue.record("the end is an error")
        } catch let error as NodeError {
            guard case .resourceExhausted = error else { throw error }
        }
        #expect(seen == [1, 2])
        publisher.finish()
        #expect(try await late.reduce(into: []) { $0.append($1) } == [3, 4])
    }

    @Test func afterTheEndThereIsNothing() async throws {
        let publisher = EventPublisher<Int>(capacity: 2)
        publisher.finish()
        publisher.finish()
        publisher.publish(1)
        #expect(try await publisher.subscribe().reduce(into: []) { $0.append($1) } == [])
        #expect(publisher.subscriberCount == 0)
    }
}

@Suite struct EventKindTests {
    private typealias Kind = NodeEvent.Kind

    @Test func aPodsLife() {
        #expect(Kind.ofPod(from: .creating, to: .ready) == [.created, .started])
        #expect(Kind.ofPod(from: .ready, to: .stopping) == [] && Kind.ofPod(from: .ready, to: .ready) == [])
        #expect(Kind.ofPod(from: .stopping, to: .stopped) == [.stopped] && Kind.ofPod(from: .stopped, to: .stopped) == [])
        #expect(Kind.ofPod(from: .stopped, to: .removing) == [] && Kind.ofPod(from: .removing, to: nil) == [.deleted])
        #expect(Kind.ofPod(from: .creating, to: nil) == [])
    }

    private func progress(_ phase: ContainerPhase, _ exit: ContainerExit? = nil) -> ContainerProgress {
        ContainerProgress(phase: phase, exit: exit)
    }

    @Test func aContainersLife() {
        let exit = ContainerExit(code: 0, finishedAt: 1)
        #expect(Kind.ofContainer(from: progress(.creating), to: progress(.creating)) == [])
        #expect(Kind.ofContainer(from: progress(.creating), to: progress(.created)) == [.created])
        #expect(Kind.ofContainer(from: progress(.created), to: progress(.starting)) == [])
        #expect(Kind.ofContainer(from: progress(.starting), to: progress(.running)) == [.started])
        #expect(Kind.ofContainer(from: progress(.running), to: progress(.running)) == [])
        #expect(Kind.ofContainer(from: progress(.running), to: progress(.exited, exit)) == [.stopped])
        #expect(Kind.ofContainer(from: progress(.exited, exit), to: progress(.removing, exit)) == [])
        #expect(Kind.ofContainer(from: progress(.removing, exit), to: nil) == [.deleted])
    }

    @Test func aContainerThatEndsBeforeAStepIsWritten() {
        let exit = ContainerExit(code: 0, finishedAt: 1)
        let refused = ContainerExit(code: 128, finishedAt: 1, message: "no such file")
        #expect(Kind.ofContainer(from: progress(.starting), to: progress(.exited, exit)) == [.started, .stopped])
        #expect(Kind.ofContainer(from: progress(.starting), to: progress(.exited, refused)) == [.stopped])
        #expect(Kind.ofContainer(from: progress(.created), to: progress(.exited, exit)) == [.stopped])
        // It ended while it was being made: nobody has heard of it before it is made.
        #expect(Kind.ofContainer(from: progress(.creating), to: progress(.creating, exit)) == [])
        #expect(Kind.ofContainer(from: progress(.creating, exit), to: progress(.exited, exit)) == [.created, .stopped])
        #expect(Kind.ofContainer(from: progress(.creating, exit), to: nil) == [])
    }
}
