import * as assert from 'node:assert/strict';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';

/**
 * Templates as a person writes them down: a reference is `{Id}` or `{Id.Attribute}`, joined text is
 * joined, and logical ids have lost CDK's hash, so that an expectation holds a whole resource.
 */

/** JSON of a template. */
export type Json = any;

const HASHED = /.[0-9A-F]{8}$/;

function id(logical: string): string {
  return HASHED.test(logical) ? logical.slice(0, -8) : logical;
}

/** Parameters that are the same wherever the tests put a stack. */
const KNOWN: { [name: string]: string } = { 'AWS::Partition': 'aws', 'AWS::URLSuffix': 'amazonaws.com' };

function pseudo(name: string): string {
  return KNOWN[name] ?? `{${id(name)}}`;
}

/** The text that an intrinsic function comes to, or nothing when the object is none. */
function intrinsic(name: string, argument: Json): string | undefined {
  switch (name) {
    case 'Ref': return pseudo(argument);
    case 'Fn::GetAtt': return `{${id(argument[0])}.${argument[1]}}`;
    case 'Fn::Join': return Array.isArray(argument[1])
      ? argument[1].map(plain).join(argument[0])
      : `{${plain(argument[1])} by ${argument[0]}}`;
    case 'Fn::Select': return `{${plain(argument[1])}[${argument[0]}]}`;
    case 'Fn::Split': return `${plain(argument[1])}/${argument[0]}`;
    case 'Fn::ImportValue': return `{import ${plain(argument)}}`;
    case 'Fn::Sub': return argument;
    default: return undefined;
  }
}

/** A part of a template, written down so. */
export function plain(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (value === null || typeof value !== 'object') {
    return value;
  }
  const [only, ...more] = Object.entries(value);
  const text = only && more.length === 0 ? intrinsic(only[0], only[1]) : undefined;
  return text ?? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** The resources of a stack by their ids without hashes, where that leaves one of each. */
export function resources(stack: Stack): { [id: string]: Json } {
  const found: { [id: string]: Json } = {};
  const listed = Object.entries<Json>(Template.fromStack(stack).toJSON().Resources ?? {});
  for (const [logical, { Metadata, ...resource }] of listed) {
    const alone = listed.filter(([other]) => id(other) === id(logical)).length === 1;
    found[alone ? id(logical) : logical] = {
      ...plain(resource),
      ...(resource.DependsOn ? { DependsOn: resource.DependsOn.map(id) } : {}),
    };
  }
  return found;
}

/** The properties of one resource. */
export function properties(stack: Stack, name: string): Json {
  const all = resources(stack);
  if (!(name in all)) {
    throw new Error(`no ${name} among ${Object.keys(all).join(' ')}`);
  }
  return all[name].Properties;
}

/** What the outputs of a stack hold. */
export function outputs(stack: Stack): { [id: string]: string } {
  const found = Template.fromStack(stack).toJSON().Outputs ?? {};
  return Object.fromEntries(Object.entries<Json>(found).map(([name, output]) => [id(name), plain(output.Value)]));
}

/** The ids of the resources of one stack that another has not, or not so, with their types. */
export function added(stack: Stack, before: Stack): { [id: string]: string } {
  const old = resources(before);
  return Object.fromEntries(Object.entries(resources(stack))
    .filter(([name, resource]) => JSON.stringify(old[name]) !== JSON.stringify(resource))
    .map(([name, resource]) => [name, resource.Type]));
}

/**
 * Every policy statement of these resources, of whatever kind the policy is, by the id of its
 * resource; statements that AWS reads as the default (Effect Allow) are written without it.
 */
export function statements(stack: Stack, ids: string[]): { [id: string]: Json[] } {
  const all = resources(stack);
  const found: { [id: string]: Json[] } = {};
  for (const name of ids) {
    const listed: Json[] = [];
    collect(all[name].Properties, listed);
    if (listed.length > 0) {
      found[name] = listed;
    }
  }
  return found;
}

function collect(value: Json, into: Json[]): void {
  if (value === null || typeof value !== 'object') {
    return;
  }
  if (Array.isArray(value.Statement)) {
    for (const { Effect, ...rest } of value.Statement) {
      into.push(Effect === 'Allow' ? rest : { Effect, ...rest });
    }
    return;
  }
  Object.values(value).forEach((item) => collect(item, into));
}

/** The warnings and errors that a stack was annotated with, but for CDK's own of how to refer to other stacks. */
export function complaints(stack: Stack): string[] {
  const notes = Annotations.fromStack(stack);
  return [...notes.findWarning('*', Match.anyValue()), ...notes.findError('*', Match.anyValue())]
    .map((note) => String(note.entry.data)).filter((text) => !text.includes('[ack: @aws-cdk/core:crossStackReferences'));
}

/** A message of a rule as it is written, with its placeholders as text; each of them is in the map, and none besides. */
export function messageOf(transformer: Json): Json {
  const { InputPathsMap, InputTemplate } = transformer;
  const written: string = plain(InputTemplate);
  assert.ok(written.length < 4096);
  assert.deepEqual([...new Set(written.match(/<[^>]*>/g))].sort(), Object.keys(InputPathsMap).map((name) => `<${name}>`).sort());
  return JSON.parse(written.replace(/(?<=[:,[])<[^>]*>(?=[,}\]])/g, '"$&"'));
}
