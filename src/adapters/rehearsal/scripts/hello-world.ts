import { listDir, runTests, type Script, writeFile } from '../script.ts'

const assessment = {
  complexity: 'SIMPLE' as const,
  rationale: 'One new file without dependencies.',
  risks: [],
}

/** A new file in an empty project: right at the first attempt. */
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
          { text: 'I run what tests the project has.', toolCalls: [runTests()] },
          {
            text: `Add a script that prints hello world

hello.py prints "hello world" when it is run and nothing when it is imported.`,
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

Add \`hello.py\`, a single line that prints \`hello world\`.
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
          { text: 'Now the tests, if there are any.', toolCalls: [runTests()] },
          {
            text: `Add hello.py

It prints "hello world" to stdout.`,
          },
        ],
      ],
    },
  },
}
