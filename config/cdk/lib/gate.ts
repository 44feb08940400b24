import { Duration, Names } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { confinement, containerVariables } from './container';
import { PostludeLogin } from './login';
import { PostludeTask } from './task';

/** The name of the gate's container in the service's task definition. */
const CONTAINER = 'migrated';

/** What a gate in a service's tasks is made of. */
export interface PostludeGateProps {
  /**
   * How the gate logs in. A role that may read the ledger is enough; what the login needs of AWS is
   * granted to the service's own task role. The plan has to leave the user open:
   * `user: ${DB_USER:-migrator}`.
   */
  readonly login: PostludeLogin;

  /**
   * How long a starting task waits for the migrations before it fails: more than the longest ones
   * take. A database that is away for longer lets no task start either.
   *
   * @default Duration.minutes(5)
   */
  readonly wait?: Duration;

  /**
   * More variables of the gate, in place of those of the migrating task where they have the same name.
   *
   * @default - the plan's variables as the migrating task has them
   */
  readonly environment?: { [name: string]: string };

  /**
   * Variables that ECS fills from secrets when the task starts: those which the plan's `database`
   * names; a check reads no other part of it.
   *
   * @default - none beside the login's
   */
  readonly secrets?: { [name: string]: ecs.Secret };

  /**
   * Where the gate logs to.
   *
   * @default - the migrating task's log group, prefix `gate`
   */
  readonly logging?: ecs.LogDriver;
}

/**
 * Puts `postlude check --wait` before the container `app`, in its task definition: it starts once
 * the database is at the plan of the task's image. Right only where the migrations are started
 * before the service deploys; who calls this has made sure of that.
 */
export function gate(task: PostludeTask, app: ecs.ContainerDefinition, props: PostludeGateProps): ecs.ContainerDefinition {
  const definition = app.taskDefinition;
  refuse(task, app, props);
  const given = task._props;
  const login = props.login._bind();
  login.grant(definition.taskRole, given.proxy);
  const container = definition.addContainer(CONTAINER, {
    containerName: CONTAINER,
    image: given.image,
    command: ['check', '--wait', `${wait(props)}s`],
    essential: false,
    ...confinement(definition, `${CONTAINER}Linux`, given),
    ...(definition.isFargateCompatible ? {} : { memoryReservationMiB: 64 }),
    logging: props.logging ?? ecs.LogDrivers.awsLogs({
      streamPrefix: 'gate',
      logGroup: task.logGroup,
      mode: ecs.AwsLogDriverMode.BLOCKING,
    }),
    // What the plan names, with the gate's login instead of the task's: no stranger's secret comes along.
    environment: { ...given.environment, ...props.environment, ...login.environment, ...containerVariables(given) },
    secrets: { ...props.secrets, ...login.secrets },
  });
  app.addContainerDependencies({ container, condition: ecs.ContainerDependencyCondition.SUCCESS });
  return container;
}

function wait(props: PostludeGateProps): number {
  return (props.wait ?? Duration.minutes(5)).toSeconds();
}

function refuse(task: PostludeTask, app: ecs.ContainerDefinition, props: PostludeGateProps): void {
  const where = Names.nodeUniqueId(app.node);
  if (app.taskDefinition === task.taskDefinition) {
    throw new Error(`${where} is the task that migrates: a gate in it would wait for itself. Give the container of the service`);
  }
  if (app.taskDefinition.findContainer(CONTAINER)) {
    throw new Error(`the task definition of ${where} has a container named ${CONTAINER} already: a service has one gate`);
  }
  if (props.wait && !props.wait.isUnresolved() && wait(props) < 1) {
    throw new Error('wait is shorter than a second: give what the longest migrations take, and more');
  }
}
