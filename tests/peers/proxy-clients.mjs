// The OpenAI library for Node.js, as its documentation has it: base URL and key come from its own variables.
import OpenAI, { toFile } from 'openai';

const client = new OpenAI({ maxRetries: 0 });
const messages = [{ role: 'user', content: 'count' }];

const { data } = await client.models.list();
console.log('models', data.map(({ id }) => id).join());
if (process.argv[2] !== 'models') {
  const answer = await client.chat.completions.create({ model: 'practice', messages });
  console.log('answer', answer.choices[0].message.content);
  const parts = [];
  for await (const part of await client.chat.completions.create({ model: 'practice', messages, stream: true })) {
    parts.push(part.choices[0].delta.content);
  }
  console.log('streamed', parts.join('|'));
  const size = Number(process.env.UPLOAD);
  const file = await client.files.create({ file: await toFile(Buffer.alloc(size, 'x'), 'f'), purpose: 'batch' });
  if (file.bytes < size) throw new Error(`only ${file.bytes} bytes arrived`);
  console.log('uploaded', size);
}
