import { Stack } from 'aws-cdk-lib';

/** Where and how a task is started: what RunTask wants besides the overrides. */
export interface TaskLaunch {
  readonly cluster: string;
  readonly taskDefinition: string;
  readonly container: string;
  readonly subnets: string[];
  readonly securityGroups: string[];
  readonly assignPublicIp: boolean;
}

/** The member networkConfiguration of a RunTask, in the capitals of the ECS API. */
export function networkConfiguration(launch: TaskLaunch) {
  return {
    awsvpcConfiguration: {
      subnets: launch.subnets,
      securityGroups: launch.securityGroups,
      assignPublicIp: launch.assignPublicIp ? 'ENABLED' : 'DISABLED',
    },
  };
}

/**
 * The whole line that starts the task by hand, for a POSIX shell. `<why>` and `<who>` are for the
 * person who starts it to replace: both go into the ledger and the report.
 */
export function rerunCommand(stack: Stack, launch: TaskLaunch): string {
  const overrides = {
    containerOverrides: [{
      name: launch.container,
      environment: [
        { name: 'POSTLUDE_REASON', value: '<why>' },
        { name: 'POSTLUDE_BY', value: '<who>' },
      ],
    }],
  };
  return [
    'aws ecs run-task',
    `--region ${stack.region}`,
    `--cluster ${launch.cluster}`,
    `--task-definition ${launch.taskDefinition}`,
    '--launch-type FARGATE',
    `--network-configuration '${stack.toJsonString(networkConfiguration(launch))}'`,
    `--overrides '${JSON.stringify(overrides)}'`,
  ].join(' ');
}
