/** A way a task can end that postlude itself cannot, or may not be able to, tell the topic about. */
export interface Ending {
  /** The construct's id, and the message's word for it. */
  readonly id: string;
  readonly name: string;
  /** What selects it in `detail` of "ECS Task State Change", besides cluster, family and STOPPED. */
  readonly match: { [member: string]: unknown };
  /** The code, where it is one only. */
  readonly exitCode?: number;
  /** What happened, to stand behind "the task". */
  readonly story: string;
  /** What it means for the database, and what to do: whole sentences. */
  readonly hint: string;
  /** The log has it; else ECS does. */
  readonly logged: boolean;
}

/** EventBridge wants name and code of one and the same container: a sidecar's code is not taken for postlude's. */
function ended(container: string, ...exitCodes: unknown[]) {
  return { containers: { name: [container], exitCode: exitCodes } };
}

/** Also where ECS lists no container. */
const NEVER_RAN = { stopCode: ['TaskFailedToStart'] };

function code(container: string, exitCode: number) {
  return { exitCode, match: ended(container, exitCode), logged: true };
}

/**
 * Every ending that the watch tells. The codes 1, 3, 5, 6 and 7 are postlude's own to report, 0 is
 * good, and 9 is that of a check.
 */
export function endings(container: string): Ending[] {
  return [
    {
      id: 'NotStarted',
      name: 'not_started',
      // That a code is absent is held against this container only where a member before it, by name, is there;
      // otherwise against all of them, and a sidecar with a code would hide it.
      match: { $or: [{ containers: { containerArn: [{ exists: true }], name: [container], exitCode: [{ exists: false }] } }, NEVER_RAN] },
      story: 'stopped and has no exit code: most likely it never started',
      hint: 'No migration was run, unless the machine was lost under it. The usual causes: the image cannot be pulled, a secret or the'
        + ' log group cannot be had (rights of the execution role, or no way to ECR, Secrets Manager and CloudWatch Logs from the'
        + ' subnets), Fargate has no room, or somebody stopped the task. ECS says which, for about an hour.',
      logged: false,
    },
    {
      id: 'Invalid',
      name: 'invalid',
      ...code(container, 2),
      story: 'ended with exit code 2: command line, plan, an SQL file or configuration is wrong',
      hint: 'No migration was started. The log names file and line. Mend it and deploy again; postlude validate finds the same before.',
    },
    {
      id: 'Unreachable',
      name: 'unreachable',
      ...code(container, 4),
      story: 'ended with exit code 4: the database could not be reached, logged in to, or verified',
      hint: 'No migration was started. The log says at which step it failed. Look at the proxy and its targets, the security groups and'
        + ' the login; then start the task again.',
    },
    {
      id: 'Unreported',
      name: 'unreported',
      ...code(container, 8),
      story: 'ended with exit code 8: the database is as the plan says, but that could not be reported',
      hint: 'The report is kept, and the next run sends it. The log has the answer of SNS: look at sns:Publish of the task role, at the'
        + ' key of the topic, and at the way to SNS from the subnets. A stack that waits for the task was perhaps not answered.',
    },
    {
      id: 'Internal',
      name: 'internal',
      ...code(container, 10),
      story: 'ended with exit code 10: a bug of postlude, or no memory left',
      hint: 'What was applied is in the ledger, and a later run goes on from there. Give the task more memory if the log says so;'
        + ' otherwise please report the bug with the last lines of the log.',
    },
    {
      id: 'Killed',
      name: 'killed',
      ...code(container, 137),
      story: 'was killed (exit code 137): out of memory, or not at an end 30 seconds after it was told to stop',
      hint: 'A migration in a transaction was rolled back; one outside may be half done, and is known to be. The next run says so, or goes'
        + ' on. If ECS says OutOfMemoryError, give the task more memory.',
    },
    {
      id: 'Foreign',
      name: 'foreign',
      // postlude's own codes end at 10.
      match: ended(container, { numeric: ['>', 10, '<', 137] }, { numeric: ['>', 137] }),
      story: 'ended with an exit code that is none of postlude\'s: it crashed, or another program runs in its place',
      hint: '128 and more is a signal: 139 is a crash, and please report it with the last lines of the log. Below that, the image\'s'
        + ' entrypoint or the command is not postlude. What was applied is in the ledger, and the next run goes on from there.',
      logged: true,
    },
  ];
}
