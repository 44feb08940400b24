import { Fn, Stack, Token } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import { Ending } from './endings';
import { PostludeTask } from './task';

/* EventBridge escapes nothing that it puts into a template. Into text go only fields of a closed
 * alphabet; free text (the containers' `reason`) comes as a raw array, in value position. The
 * `stoppedReason` of the task cannot be had so, and the whole `detail` must not be: its overrides
 * can hold the request of a stack that waits, with the URL that answers it. */
const TASK = events.EventField.fromPath('$.detail.taskArn');
const STOP_CODE = events.EventField.fromPath('$.detail.stopCode');
const CONTAINERS = events.EventField.fromPath('$.detail.containers');
const TIME = events.EventField.time;
const ID = events.EventField.eventId;

/** What a reader needs besides: where to look, and how to start it again. */
interface Ways {
  readonly why: string;
  readonly log: string;
  readonly logUrl?: string;
  readonly rerun: string;
}

function consoleOf(region: string): string | undefined {
  if (Token.isUnresolved(region) || /^(us-iso|eu-iso|eusc-)/.test(region)) {
    return undefined;
  }
  return region.startsWith('cn-') ? 'console.amazonaws.cn'
    : region.startsWith('us-gov-') ? 'console.amazonaws-us-gov.com' : 'console.aws.amazon.com';
}

/** The console decodes what stands behind the # twice, with a dollar sign for the second percent sign. */
function logUrl(stack: Stack, group: string): string | undefined {
  const host = consoleOf(stack.region);
  const encoded = Token.isUnresolved(group) ? Fn.join('$252F', Fn.split('/', group)) : group.split('/').join('$252F');
  return host && `https://${host}/cloudwatch/home?region=${stack.region}#logsV2:log-groups/log-group/${encoded}`;
}

function waysOf(task: PostludeTask): Ways {
  const stack = Stack.of(task);
  const query = 'tasks[].[stopCode,stoppedReason,containers[].[name,exitCode,reason]]';
  const group = task.logGroup.logGroupName;
  return {
    why: `aws ecs describe-tasks --region ${stack.region} --cluster ${task._launch.cluster} --tasks ${TASK} --query '${query}'`,
    log: `aws logs tail ${group} --region ${stack.region} --since 3h`,
    logUrl: logUrl(stack, group),
    // What stands in angle brackets EventBridge takes for a placeholder of its own, and refuses the rule.
    rerun: task.rerunCommand.replace('<why>', 'WHY').replace('<who>', 'WHO'),
  };
}

/** For programs. Each text is a string, `exit_code` a number or null, `containers` as ECS has it. */
export function jsonNotice(task: PostludeTask, ending: Ending) {
  const ways = waysOf(task);
  return {
    schema: 'postlude.watch/1',
    ending: ending.name,
    exit_code: ending.exitCode ?? null,
    message: `${task.taskDefinition.family}: the task ${ending.story} (${TASK})`,
    hint: ending.hint,
    family: task.taskDefinition.family,
    task_arn: TASK,
    stop_code: STOP_CODE,
    stopped_at: TIME,
    containers: CONTAINERS,
    why: ways.why,
    log_group: task.logGroup.logGroupName,
    log: ways.log,
    ...(ways.logUrl ? { log_url: ways.logUrl } : {}),
    rerun: ways.rerun,
  };
}

function span(text: string): string {
  return `\`${text}\``;
}

/** A custom notification of Amazon Q Developer in chat applications, which drops what is of another form. */
export function chatNotice(task: PostludeTask, ending: Ending) {
  const ways = waysOf(task);
  const family = task.taskDefinition.family;
  const why = `Ask ECS why it stopped: ${span(ways.why)}`;
  const log = `Read the log: ${ways.logUrl ? `${ways.logUrl} or ` : ''}${span(ways.log)}`;
  return {
    version: '1.0',
    source: 'custom',
    id: ID,
    content: {
      textType: 'client-markdown',
      title: `${family}: the task ${ending.story}`,
      description: `${ending.hint}\n\nTask: ${span(TASK)}\nStopped: ${TIME}, ${span(STOP_CODE)}`,
      nextSteps: [
        ...(ending.logged ? [log, why] : [why, log]),
        `Start it again, with your reason and name for WHY and WHO: ${span(ways.rerun)}`,
      ],
      keywords: ['postlude', family, ending.name],
    },
    metadata: {
      threadId: TASK,
      summary: `${family}: the task ${ending.story}`,
      eventType: ending.name,
      relatedResources: [TASK],
      additionalContext: {
        ending: ending.name,
        ...(ending.exitCode === undefined ? {} : { exitCode: String(ending.exitCode) }),
        family,
        stopCode: STOP_CODE,
      },
    },
  };
}
