import { CfnResource, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Dependable, IConstruct, IDependable } from 'constructs';
import { PostludeTask } from './task';
import { PostludeTaskProps } from './task-props';

/** The proxy's security groups, where they are known. */
export function proxyConnections(props: PostludeTaskProps): ec2.Connections | undefined {
  return props.proxySecurityGroup?.connections ?? (props.proxy as Partial<ec2.IConnectable>).connections;
}

/** Where the task runs. */
export function selectedSubnets(props: PostludeTaskProps): ec2.SelectedSubnets {
  const subnetType = props.assignPublicIp ? ec2.SubnetType.PUBLIC : ec2.SubnetType.PRIVATE_WITH_EGRESS;
  return props.vpc.selectSubnets(props.vpcSubnets ?? { subnetType });
}

/**
 * What has to be there before the task runs, and until it has ended, beyond what its definition
 * refers to: policies, rules of security groups, the proxy's targets, the network's ways out.
 * CloudFormation knows none of that by itself.
 *
 * It is looked for when the template is made, so that what is added later counts too. Only what is
 * in the task's own stack is named: other stacks are deployed before it as a whole.
 */
export function needsOf(task: PostludeTask): IDependable {
  const props = task._props;
  const subnets = selectedSubnets(props);
  const needs: IDependable = {};
  Dependable.implement(needs, {
    get dependencyRoots(): IConstruct[] {
      return [
        task,
        ...Dependable.of(subnets.internetConnectivityEstablished).dependencyRoots,
        ...resources(task, props.vpc).filter((resource) => resource instanceof ec2.CfnVPCEndpoint),
        // Not the proxy as a whole: among its rules is the service's, and the service comes after the migrations.
        ...resources(task, props.proxy).filter((resource) => !isRule(resource)),
        ...rulesFrom(task, [...task.connections.securityGroups, ...(proxyConnections(props)?.securityGroups ?? [])]),
      ];
    },
  });
  return needs;
}

/** The resources of the scope that are in the task's stack. */
function resources(task: PostludeTask, scope: IConstruct): CfnResource[] {
  const stack = Stack.of(task);
  const all = scope.node.findAll().filter((construct): construct is CfnResource => CfnResource.isCfnResource(construct));
  return all.filter((resource) => resource.stack === stack);
}

function isRule(resource: CfnResource): boolean {
  return resource instanceof ec2.CfnSecurityGroupIngress || resource instanceof ec2.CfnSecurityGroupEgress;
}

/** The rules that let these groups on: the task's to the proxy, the proxy's to the database. */
function rulesFrom(task: PostludeTask, groups: ec2.ISecurityGroup[]): CfnResource[] {
  const ids = new Set(groups.map((group) => group.securityGroupId));
  return resources(task, Stack.of(task)).filter((resource) => {
    const isWayIn = resource instanceof ec2.CfnSecurityGroupIngress && ids.has(resource.sourceSecurityGroupId ?? '');
    const isWayOut = resource instanceof ec2.CfnSecurityGroupEgress && ids.has(resource.groupId);
    return isWayIn || isWayOut;
  });
}
