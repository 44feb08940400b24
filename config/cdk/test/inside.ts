import { Template } from 'aws-cdk-lib/assertions';
import { PostludeResource, PostludeResourceProps } from '../lib';
import { Fixture } from './stack';

/** Migrations inside the stack of a fixture, and what is asked of their template. */

export function migrations(f: Fixture, props: Partial<PostludeResourceProps> = {}): PostludeResource {
  return new PostludeResource(f.stack, 'Migrations', { ...f, databaseName: 'orders', ...props });
}

/** The logical ids of the resources of a type, and of those whose id begins so. */
export function ids(template: Template, type: string, prefix = ''): string[] {
  return Object.keys(template.findResources(type)).filter((id) => id.startsWith(prefix));
}

export function dependencies(template: Template): string[] {
  const [resource] = Object.values(template.findResources('Custom::PostludeMigrations'));
  return resource.DependsOn;
}
