import { actorKinds } from '../domain/actor/actor.entity.ts'
import { pushStatuses } from '../domain/commit/push.status.ts'
import { diffOrigins } from '../domain/diff/diff.entity.ts'
import { diffStatuses } from '../domain/diff/diff.status.ts'
import { patchRejections, roles } from '../domain/errors.ts'
import { capabilities, languages } from '../domain/ports/code-analyzer.ts'
import { changeKinds } from '../domain/ports/git-store.ts'
import { providers } from '../domain/ports/model-provider.ts'
import { projectStatuses } from '../domain/project/project.status.ts'
import { reviewVerdicts } from '../domain/review/review.entity.ts'
import { diffSides } from '../domain/review/review-comment.entity.ts'
import { decisionMethods } from '../domain/run/decision.entity.ts'
import { runStatuses } from '../domain/run/run.status.ts'
import { messageRoles } from '../domain/session/message.entity.ts'
import { turnStatuses } from '../domain/session/turn.status.ts'
import { complexities, interviewModes } from '../domain/spec/spec.entity.ts'
import { interviewStatuses, specStatuses } from '../domain/spec/spec.status.ts'
import { phaseKinds, stepStatuses } from '../domain/sprint/phase.status.ts'
import { sprintStatuses } from '../domain/sprint/sprint.status.ts'
import { testRunStatuses, testStatuses } from '../domain/testing/test-run.status.ts'
import { builder } from './builder.ts'

const define = <const Values extends readonly string[]>(name: string, values: Values, description: string) =>
  builder.enumType(name, { values, description })

export const RoleEnum = define(
  'Role',
  roles,
  'VIEWER reads, AUTHOR proposes and runs, REVIEWER also approves and commits, ADMIN also sets policy, members and tokens.',
)
export const ActorKindEnum = define('ActorKind', actorKinds, 'Only a HUMAN reviews and commits.')
export const ProjectStatusEnum = define(
  'ProjectStatus',
  projectStatuses,
  'A project can be worked on once it is READY.',
)
export const ObjectFormatEnum = define(
  'ObjectFormat',
  ['SHA1', 'SHA256'] as const,
  'The hash of the git objects. A SHA256 repository can neither push to nor fetch from the hosts that use SHA-1.',
)
export const ProviderEnum = define(
  'Provider',
  providers,
  '`rehearsal: true` beside a provider means that the built-in offline stand-in played it.',
)
export const SpecStatusEnum = define('SpecStatus', specStatuses, 'VALIDATED once every question is answered.')
export const InterviewStatusEnum = define('InterviewStatus', interviewStatuses, 'Where the planning interview stands.')
export const InterviewModeEnum = define('InterviewMode', interviewModes, 'STUB asks fixed questions without a model.')
export const ComplexityEnum = define('Complexity', complexities, 'How much there is to a task.')
export const SprintStatusEnum = define('SprintStatus', sprintStatuses, 'Where a sprint stands.')
export const PhaseKindEnum = define(
  'PhaseKind',
  phaseKinds,
  'DISCOVERY writes the plan, CODING changes the workspace, VERIFICATION runs the tests.',
)
export const StepStatusEnum = define('StepStatus', stepStatuses, 'Where a phase stands.')
export const RunStatusEnum = define('RunStatus', runStatuses, 'Where a run or candidate stands.')
export const DecisionMethodEnum = define(
  'DecisionMethod',
  decisionMethods,
  'EVIDENCE: tests, safety and scope decided. JUDGE: a model, on what was level. FALLBACK: the judge failed, evidence order decided.',
)
export const MessageRoleEnum = define('MessageRole', messageRoles, 'Who speaks in a session.')
export const TurnStatusEnum = define(
  'TurnStatus',
  turnStatuses,
  "Where the work on a person's message stands. WAITING: an earlier one comes first. FAILED and INTERRUPTED: what was done is kept, and the next message goes on from there.",
)
export const DiffSideEnum = define('DiffSide', diffSides, 'Which of the two versions a line is of.')
export const DiffStatusEnum = define(
  'DiffStatus',
  diffStatuses,
  'APPROVED: the policy was satisfied when last looked at; a commit looks again.',
)
export const PushStatusEnum = define(
  'PushStatus',
  pushStatuses,
  'PENDING is tried again by itself for a day. FAILED is not: sync the project, or change its remote.',
)
export const DiffOriginEnum = define('DiffOrigin', diffOrigins, 'Where a diff came from.')
export const ChangeKindEnum = define('ChangeKind', changeKinds, 'What happened to a file.')
export const PendingOrderEnum = define(
  'PendingOrder',
  ['OLDEST', 'RISK'] as const,
  'RISK: the worst first, and of equal ones the oldest.',
)
export const CapabilityEnum = define('Capability', capabilities, 'What code can do to the world outside itself.')
export const LanguageEnum = define('Language', languages, 'A language whose capabilities are analysed.')
export const ReviewVerdictEnum = define('ReviewVerdict', reviewVerdicts, 'What a person decided.')
export const TestRunStatusEnum = define('TestRunStatus', testRunStatuses, 'ERRORED: the sandbox failed, not the tests.')
export const TestStatusEnum = define('TestStatus', testStatuses, 'ERRORED: the sandbox failed, not the test.')
export const PatchRejectionEnum = define('PatchRejection', patchRejections, 'Why a patch was refused.')
