import Testing

@testable import OCIRuntime

@Suite struct AllowedAnnotationTests {
    @Test("An empty text in allowed_annotations is the beginning of no name")
    func anEmptyOne() throws {
        let handler = RuntimeHandler(name: "runc", path: "/usr/sbin/runc", root: "/run/r", exitDirectory: "/run/e", allowedAnnotations: ["", "a.b"])
        #expect(handler.allowedAnnotations == ["a.b"])
        #expect(try Workload(name: "w", activationAnnotation: "x", allowedAnnotations: [""]).allowedAnnotations == [])
    }
}
