import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as sns from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { PostludeTaskProps } from './task-props';
import { planVariables } from './variables';

/** What postlude is confined to in every container: an ordinary user, a read-only root, no capabilities. */
export function confinement(scope: Construct, id: string, props: PostludeTaskProps) {
  const linuxParameters = new ecs.LinuxParameters(scope, id);
  linuxParameters.dropCapabilities(ecs.Capability.ALL);
  return {
    user: props.user ?? '10001:10001',
    readonlyRootFilesystem: props.readonlyRootFilesystem ?? true,
    linuxParameters,
  };
}

/** The plan's variables in a container that reaches the proxy itself, and logs to where programs read. */
export function containerVariables(props: PostludeTaskProps, topic?: sns.ITopic): { [name: string]: string } {
  return { DB_HOST: props.proxy.endpoint, ...planVariables(props, topic), POSTLUDE_LOG: 'json' };
}
