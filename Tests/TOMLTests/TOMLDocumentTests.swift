import TOMLKit
import Testing

@testable import TOML

@Suite("TOML documents") struct TOMLDocumentTests {
    @Test(
        "A header without a name is an error with its line, not the end of the program",
        arguments: ["[.a]", "[[.a]]", "[é]", "[ =]", "[[[a]]]", "[,]", "[\u{1}]", "[#a]", "[\n]", "[ \n", "a = 1\n [/]"])
    func headers(_ text: String) {
        #expect(throws: TOMLDocument.SyntaxError.self) { try TOMLDocument.parse(text) }
    }

    @Test("A brace where a list has a value is one, too", arguments: ["a = [}", "a = [ 1, # x\n }]", "'a' = [[1, {b = 2}], }"])
    func braces(_ text: String) {
        #expect(throws: TOMLDocument.SyntaxError.self) { try TOMLDocument.parse(text) }
    }

    @Test("The line is told")
    func line() {
        let error = #expect(throws: TOMLDocument.SyntaxError.self) { try TOMLDocument.parse("a = 1\n# [.]\nb = '''\n[.]\n'''\n[.x]\n") }
        #expect(error?.line == 6)
        let other = #expect(throws: TOMLDocument.SyntaxError.self) { try TOMLDocument.parse("a = 1\nb = \n") }
        #expect(other?.line == 2)
    }

    @Test(
        "What lies in values is no header",
        arguments: [
            "a = [\n  [],\n  [ [.5] ],\n]\n[b]", "a = \"\"\"\n[.]\\\"\"\"\"\n[b]", "a = '''\n[.]''''\n[b]", "a = \"[.\"\n[b]", "a = '\\'\n[b]",
            "a = 1 # \"\n[b]", "\"a#\" = [ # ]\n]\n[b]", "a = { x = [\n1] }\n[b]", "a = \"\\\\\"\n[b]", "'' = \"\"\n[ b ]", "a = []\r\n[b]\r\n",
            "a = [{}, {b = [{}]}, # }\n]\n[b]", "a = {}\n[b]",
        ])
    func values(_ text: String) {
        var scanner = FaultScanner(text)
        #expect(scanner.first() == nil)
    }

    @Test("A NUL byte is an error, and so is depth")
    func bytes() {
        #expect(throws: TOMLDocument.SyntaxError.self) { try TOMLDocument.parse("a = 1\0") }
        #expect(throws: TOMLDocument.SyntaxError.self) { try TOMLDocument.parse("a = " + String(repeating: "[", count: 10_000)) }
    }

    @Test("A good text is read")
    func reads() throws {
        #expect(try TOMLDocument.parse("[a.\"b c\"]\nd = 5\n[[e]]\n[[ e ]]\n")["e"]?.array?.count == 2)
    }
}
