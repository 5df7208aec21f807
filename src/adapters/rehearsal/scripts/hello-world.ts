import { listDir, runTests, type Script, writeFile } from '../script.ts'

const assessment = {
  complexity: 'SIMPLE' as const,
  rationale: 'One new file without dependencies.',
  risks: [],
}

/** A test that finds the words wherever `call` makes the script print them. */
const testFile = (imports: string, call: string): string => `import io
import unittest
from contextlib import redirect_stdout
${imports}

class HelloTest(unittest.TestCase):
    def test_prints_hello_world(self):
        printed = io.StringIO()
        with redirect_stdout(printed):
            ${call}
        self.assertEqual(printed.getvalue(), "hello world\\n")


if __name__ == "__main__":
    unittest.main()
`

/** A new file and its test in an empty project: right at the first attempt. */
export const helloWorld: Script = {
  task: /^create a python script that prints ['"]hello world['"] to stdout\.?$/i,
  wantedQuestions: ['file_name'],
  preferences: [
    { marker: 'Importing it must not print', reason: 'The plan says what happens when the file is imported.' },
    { marker: 'def main()', reason: 'The file can be imported without printing anything.' },
  ],
  parts: {
    OPENAI: {
      interview: {
        questions: [
          {
            key: 'file_name',
            question: 'What should the script be called?',
            rationale: 'The project is empty, so nothing suggests a name; without an answer it will be hello.py.',
          },
        ],
        assessment,
      },
      planning: [
        { text: 'The project may already have a place for scripts.', toolCalls: [listDir('.')] },
        {
          text: 'It is empty. I write the plan.',
          toolCalls: [
            writeFile(
              'implementation_plan.md',
              `# Plan

1. Add \`hello.py\` with a function that prints \`hello world\`.
2. Call it under a main guard. Importing it must not print.
3. Add \`test_hello.py\`, since the project has no tests yet.
`,
            ),
          ],
        },
        { text: 'The plan is in implementation_plan.md: one file, with a main guard.' },
      ],
      coding: [
        [
          { text: 'I look at what there is.', toolCalls: [listDir('.')] },
          {
            text: 'Nothing yet. I write the script with a main guard, so that it can be imported too.',
            toolCalls: [
              writeFile(
                'hello.py',
                `def main() -> None:
    print("hello world")


if __name__ == "__main__":
    main()
`,
              ),
            ],
          },
          {
            text: 'The project has no tests, so I add one.',
            toolCalls: [writeFile('test_hello.py', testFile('\nfrom hello import main\n', 'main()'))],
          },
          { text: 'I run it.', toolCalls: [runTests()] },
          {
            text: `Add a script that prints hello world

hello.py prints "hello world" when it is run and nothing when it is imported. test_hello.py tests it.`,
          },
        ],
      ],
    },
    ANTHROPIC: {
      interview: {
        questions: [
          {
            key: 'importable',
            question: 'Will anything import this script, or is it only run?',
            rationale: 'A script that is only run can be a single line.',
          },
        ],
        assessment,
      },
      planning: [
        { text: 'Let me see what the project holds.', toolCalls: [listDir('.')] },
        {
          text: 'An empty project, so a short plan will do.',
          toolCalls: [
            writeFile(
              'implementation_plan.md',
              `# Plan

Add \`hello.py\`, a single line that prints \`hello world\`, and \`test_hello.py\`.
`,
            ),
          ],
        },
        { text: 'I have written the plan: a single line in hello.py.' },
      ],
      coding: [
        [
          { text: 'First a look at the project.', toolCalls: [listDir('.')] },
          {
            text: 'One line is all that the task asks for.',
            toolCalls: [writeFile('hello.py', 'print("hello world")\n')],
          },
          {
            text: 'There is no test yet, and there should be one.',
            toolCalls: [writeFile('test_hello.py', testFile('', 'import hello  # noqa: F401'))],
          },
          { text: 'Now the test.', toolCalls: [runTests()] },
          {
            text: `Add hello.py

It prints "hello world" to stdout. test_hello.py tests it.`,
          },
        ],
      ],
    },
  },
}
